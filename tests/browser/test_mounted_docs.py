"""The kind: the mount path is not carried to the edge. Issue 12.

The page of the docs calls the routes beside it, and clients find the metadata through nginx.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import BrowserContext

from tests.browser.conftest import NewDevice
from tests.browser.nginx import run
from tests.browser.processes import authapi
from tests.support.server import ANSWER_TIMEOUT, free_port


@contextmanager
def called(device: BrowserContext, url: str) -> Iterator[list[str]]:
    """Yield where the page's `GET /healthz` goes, once it was answered with 200."""
    page = device.new_page()
    page.goto(f"{url}/docs")
    operation = page.locator("[id^=operations-][id$=-healthz]")
    operation.locator(".opblock-summary-control").click()
    with page.expect_response(lambda answer: answer.url.endswith("/healthz")) as answer:
        operation.locator("button.execute").click()
    assert answer.value.status == 200
    yield [answer.value.url]


@pytest.mark.parametrize("path", ["", "/auth"])
def test_the_page_calls_authapi_itself_past_the_proxy(
    new_device: NewDevice, tmp_path: Path, path: str
) -> None:
    port = free_port()
    url = f"http://localhost:{port}"
    with (
        authapi(tmp_path, port, public_url=f"{url}{path}"),
        called(new_device(), url) as urls,
    ):
        assert urls == [f"{url}/healthz"]


def test_the_page_calls_what_is_mounted(new_device: NewDevice, spa: str) -> None:
    with called(new_device(), f"{spa}/auth") as urls:
        assert urls == [f"{spa}/auth/healthz"]


def test_through_nginx_the_metadata_is_at_the_host(tmp_path: Path) -> None:
    port = free_port(in_a_row=3)
    url = f"http://localhost:{port}"
    with run("nginx", tmp_path, "/auth/healthz", PORT=port):
        for name in ("oauth-authorization-server", "openid-configuration"):
            for place in (f"{url}/.well-known/{name}/auth", f"{url}/auth/.well-known/{name}"):
                answer = httpx.get(place, trust_env=False, timeout=ANSWER_TIMEOUT)
                assert answer.json()["issuer"] == f"{url}/auth"
            other = httpx.get(
                f"{url}/.well-known/{name}/other", trust_env=False, timeout=ANSWER_TIMEOUT
            )
            assert "X-Request-ID" not in other.headers  # nginx's own answer
        endpoints = httpx.get(
            f"{url}/.well-known/passkey-endpoints", trust_env=False, timeout=ANSWER_TIMEOUT
        )
        assert (endpoints.status_code, endpoints.json()) == (200, {})
