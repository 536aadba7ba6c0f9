"""The client on a page of another origin of the same site: CORS with credentials."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.processes import authapi, blank_site
from tests.browser.visitor import PASSWORD
from tests.support.server import ANSWER_TIMEOUT, free_port

ADA = {"email": "ada@example.com", "password": PASSWORD}


@pytest.fixture(scope="module")
def front() -> Iterator[int]:
    with blank_site() as port:
        yield port


@pytest.fixture(scope="module")
def api(front: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    url = f"http://localhost:{port}"
    settings = {"public_url": url, "cors_origins": f"http://localhost:{front}"}
    folder = tmp_path_factory.mktemp("api")
    with authapi(folder, port, **settings):
        yield url


@pytest.fixture
def page(api: str, front: int, new_device: Callable[[], BrowserContext]) -> Page:
    page = new_device().new_page()
    page.goto(f"http://localhost:{front}/")
    return page


def run(page: Page, api: str, script: str) -> Any:
    return page.evaluate(
        f"(async () => {{ const {{ AuthClient, AuthError }} = await import('{api}/client.js');"
        f"window.auth ??= new AuthClient({{ baseUrl: '{api}' }}); {script} }})()"
    )


def log_in(page: Page, api: str, transport: str) -> None:
    httpx.post(f"{api}/register", json=ADA, trust_env=False, timeout=ANSWER_TIMEOUT)
    run(page, api, f"await auth.login({json.dumps(ADA | {'transport': transport})})")


def change(page: Page, api: str) -> Any:
    """The status of a request that changes something."""
    headers = "headers: { 'Content-Type': 'application/json' }"
    init = f"{{ method: 'PATCH', body: JSON.stringify({{ username: null }}), {headers} }}"
    return run(page, api, f"return (await auth.fetch('{api}/me', {init})).status")


def test_a_session_lives_on_another_origin(page: Page, api: str, transport: str) -> None:
    log_in(page, api, transport)
    assert change(page, api) == 200
    page.reload()
    restored = run(page, api, "return await auth.restore()")
    assert restored["transport"] == transport
    assert change(page, api) == 200
    run(page, api, "await auth.logout()")
    assert page.context.cookies() == []
    assert run(page, api, "return await auth.restore()") is None


def test_a_refusal_is_told_with_its_code(page: Page, api: str) -> None:
    login = "auth.login({ email: 'nobody@example.com', password: 'x' })"
    code = "catch (error) { return [error instanceof AuthError, error.status, error.code] }"
    told = run(page, api, f"try {{ await {login} }} {code}")
    assert told == [True, 401, "invalid_credentials"]


def test_an_origin_that_is_not_named_gets_nothing(
    api: str, new_device: Callable[[], BrowserContext], elsewhere: int
) -> None:
    page = new_device().new_page()
    page.goto(f"http://localhost:{elsewhere}/")
    failed = page.evaluate(f"import('{api}/client.js').then(() => 'loaded', () => 'refused')")
    assert failed == "refused"


def test_a_stranger_is_asked_without_the_credential(
    page: Page, api: str, transport: str, elsewhere: int
) -> None:
    asked = []
    page.on("request", lambda r: asked.append(r) if f":{elsewhere}/" in r.url else None)
    log_in(page, api, transport)
    script = f"return (await auth.fetch('http://127.0.0.1:{elsewhere}/x', {{ method: 'POST' }})).ok"
    assert run(page, api, script)
    sent = {name for request in asked for name in request.all_headers()}
    assert not {"authorization", "x-csrf-token", "cookie"} & sent
