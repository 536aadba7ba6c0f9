"""What every response carries (docs/http.md)."""

import re
from collections.abc import Callable

import httpx
import pytest
from structlog.testing import capture_logs

from authapi.config import load_settings
from authapi.errors import CommandError
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only
from tests.support.service import MakeService, Service

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HSTS = "Strict-Transport-Security"


@pytest.fixture(scope="module")
def https(make_service: MakeService) -> Service:
    service = make_service(public_url="https://auth.example", limit_register="1/hour")

    def fail() -> None:
        raise RuntimeError

    service.api.app.add_api_route("/fails", fail)
    return service


@pytest.fixture(scope="module")
def behind_proxy(make_service: MakeService) -> Service:
    """Return a service whose every client is a proxy that it trusts."""
    return make_service(trusted_proxies=["192.0.2.0/24"])


def _bad_login(service: Service) -> httpx.Response:
    return service.client.post("/login", json={"email": EMAIL, "password": "x"})


def _register_too_often(service: Service) -> httpx.Response:
    body = {"email": EMAIL, "password": PASSWORD}
    service.client.post("/register", json=body)
    return service.client.post("/register", json=body)


def _forbidden(service: Service) -> httpx.Response:
    return service.client.get("/verify?scope=admin", headers=service.tokens.bearer)


def _too_large(service: Service) -> httpx.Response:
    return service.client.post("/login", content=b" " * 70_000)


def _fail(service: Service) -> httpx.Response:
    with capture_logs():  # drawing a traceback for a terminal takes seconds
        return service.client.get("/fails")


ANSWERS: dict[int, Callable[[Service], httpx.Response]] = {
    200: lambda service: service.client.get("/me", headers=service.tokens.bearer),
    204: lambda service: service.client.get("/verify", headers=service.tokens.bearer),
    400: lambda service: service.client.post("/refresh", headers={"Idempotency-Key": "short"}),
    401: _bad_login,
    403: _forbidden,
    404: lambda service: service.client.get("/nothing"),
    405: lambda service: service.client.options("/login"),
    413: _too_large,
    415: lambda service: service.client.post("/login", data={"email": EMAIL}),
    422: lambda service: service.client.post("/login", json={}),
    429: _register_too_often,
    500: _fail,
}


@pytest.mark.parametrize("status", ANSWERS)
def test_every_answer_has_the_security_headers(https: Service, status: int) -> None:
    answer = ANSWERS[status](https)
    assert answer.status_code == status
    assert {name: answer.headers.get_list(name) for name in HEADERS} == {
        name: [value] for name, value in HEADERS.items()
    }
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])
    assert int(re.findall(r"max-age=(\d+)", answer.headers[HSTS])[0]) >= 365 * 86400


@pytest.mark.parametrize("status", [200, 401, 404])
def test_over_http_no_browser_is_told_to_use_https(service: Service, status: int) -> None:
    assert HSTS not in ANSWERS[status](service).headers


@pytest.mark.parametrize("status", ANSWERS)
def test_no_answer_says_what_it_runs_on(https: Service, status: int) -> None:
    assert not {"server", "x-powered-by"} & set(ANSWERS[status](https).headers)


@pytest.mark.parametrize("given", ["a", "A-b_c.9", "x" * 64])
def test_a_request_id_that_a_log_can_carry_is_kept(behind_proxy: Service, given: str) -> None:
    answer = behind_proxy.client.get("/healthz", headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given


@pytest.mark.parametrize(
    "given", [b"", b"x" * 65, b"a b", b"a\tb", b"\xe9", b"a,b", b'"', b"a\x1b[31m", b"{}"]
)
def test_any_other_request_id_is_replaced(behind_proxy: Service, given: bytes) -> None:
    answer = behind_proxy.client.get("/healthz", headers=[(b"X-Request-ID", given)])
    assert re.fullmatch("[0-9a-f]{16}", answer.headers["X-Request-ID"])


def test_no_two_request_ids_are_the_same(service: Service) -> None:
    ids = {service.client.get("/healthz").headers["X-Request-ID"] for _ in range(20)}
    assert len(ids) == 20


@pytest.mark.parametrize("path", ["/healthz", "/me", "/sessions", "/openapi.json", "/docs", "/x"])
def test_head_is_get_without_the_content(behind_proxy: Service, path: str) -> None:
    bearer = behind_proxy.tokens.bearer | {"X-Request-ID": "one"}
    get = behind_proxy.client.get(path, headers=bearer)
    head = behind_proxy.client.head(path, headers=bearer)
    assert (head.status_code, head.headers) == (get.status_code, get.headers)
    assert head.content == b""


def test_another_sites_page_may_read_nothing(service: Service) -> None:
    headers = service.tokens.bearer | {"Origin": "https://evil.example"}
    answer = service.client.get("/me", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]


def test_no_body_is_guessed_to_be_a_script(service: Service) -> None:
    answer = service.client.get("/me?callback=alert", headers=service.tokens.bearer)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.text.startswith("{")


@sqlite_only
def test_a_429_says_when_to_come_back(make_api: Callable[..., Api]) -> None:
    api = make_api(limit_register="1/hour")
    api.register()
    body = {"email": "eve@example.com", "password": PASSWORD}
    answer = api.expect(429, "POST", "/register", json=body)
    assert answer.headers["Retry-After"] == "3600"


@pytest.mark.parametrize("value", ["max-age=0", "max-age=31536000; includeSubDomains; preload", ""])
def test_a_browser_is_told_what_the_setting_says(make_service: MakeService, value: str) -> None:
    service = make_service(public_url="https://auth.example", hsts=value)
    assert service.client.get("/healthz").headers.get_list(HSTS) == ([value] if value else [])


def test_by_default_nothing_is_said_of_other_hosts(https: Service) -> None:
    """They are below our name, but need not be ours."""
    assert https.client.get("/healthz").headers[HSTS] == "max-age=63072000"


@pytest.mark.parametrize(
    "value",
    ["yes", "max-age", "max-age=x", "includeSubDomains", "max-age=1, b", "max-age=1;\r\nX: y"],
)
def test_a_value_that_no_browser_understands_stops_the_start(value: str) -> None:
    with pytest.raises(CommandError, match=r"^AUTHAPI_HSTS has to look like max-age="):
        load_settings(hsts=value)
