"""CORS: exact origins, with credentials (docs/browsers.md)."""

import httpx
import pytest

from authapi.config import load_settings
from authapi.errors import CommandError
from tests.support.api import EMAIL, PASSWORD
from tests.support.foreign import APP, FOREIGN, SETTINGS
from tests.support.service import MakeService, Service

SECOND = "http://localhost:5173"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
REQUEST_HEADERS = ("Authorization", "Content-Type", "X-CSRF-Token", "Idempotency-Key")
EVIL = sorted(
    {value for headers in FOREIGN.values() for name, value in headers if name == "Origin"}
    - {"", SETTINGS["public_url"].removesuffix("/base")}
    | {f"{APP}.evil.example", f"{APP}:8443", APP.upper(), f"{APP}/", "http://app.example"}
)
ENVELOPE = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
}


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    service = make_service(**SETTINGS | {"cors_origins": f"{APP},{SECOND}"})
    service.api.app.add_api_route("/broken", broken)
    return service


async def broken() -> None:
    raise RuntimeError("nobody expected it")


def preflight(
    service: Service, origin: str, method: str = "POST", *headers: str, path: str = "/refresh"
) -> httpx.Response:
    sent = {"Origin": origin, "Access-Control-Request-Method": method}
    if headers:
        sent["Access-Control-Request-Headers"] = ",".join(headers)
    return service.client.options(path, headers=sent)


def varies_by_origin(answer: httpx.Response) -> bool:
    words = [word.strip() for word in answer.headers.get("Vary", "").split(",")]
    return words.count("Origin") == 1


@pytest.mark.parametrize("origin", [APP, SECOND])
@pytest.mark.parametrize("method", METHODS)
def test_a_preflight_of_an_allowed_origin_is_answered(
    service: Service, origin: str, method: str
) -> None:
    answer = preflight(service, origin, method, *REQUEST_HEADERS)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == origin
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    assert method in answer.headers["Access-Control-Allow-Methods"].split(", ")
    allowed = answer.headers["Access-Control-Allow-Headers"].split(", ")
    assert set(REQUEST_HEADERS) <= set(allowed)
    assert varies_by_origin(answer)


def test_a_preflight_is_kept_for_a_while(service: Service) -> None:
    assert preflight(service, APP).headers["Access-Control-Max-Age"] == "600"


def test_a_preflight_has_the_headers_of_every_answer(service: Service) -> None:
    for answer in (preflight(service, APP), preflight(service, "https://evil.example")):
        assert ENVELOPE.items() <= dict(answer.headers).items()
        assert answer.headers["X-Request-ID"]
        assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize("origin", EVIL)
def test_a_preflight_of_any_other_origin_is_refused(service: Service, origin: str) -> None:
    answer = preflight(service, origin)
    assert (answer.status_code, answer.json()["error"]) == (403, "origin_not_allowed")
    assert [name for name in answer.headers if name.startswith("access-control-allow")] == []
    assert origin not in answer.text
    assert varies_by_origin(answer)


@pytest.mark.parametrize(
    ("method", "header"),
    [("TRACE", ""), ("CONNECT", ""), ("post", ""), ("POST", "X-Auth-Subject"), ("POST", "Cookie")],
)
def test_what_is_not_listed_is_refused(service: Service, method: str, header: str) -> None:
    answer = preflight(service, APP, method, *([header] if header else []))
    assert answer.status_code == 403
    assert "Access-Control-Allow-Origin" not in answer.headers


def ask(service: Service, name: str, origin: str | None) -> httpx.Response:
    method, path = name.split()
    headers = {"Origin": origin} if origin else {}
    if name == "GET /sessions":
        headers |= service.tokens.bearer
    if path == "/.well-known/jwks.json" and origin != "first":
        headers["If-None-Match"] = "*"
    body = {"email": EMAIL, "password": PASSWORD} if path == "/login" else None
    return service.client.request(method, path, headers=headers, json=body)


ANSWERS = {
    "GET /sessions": 200,
    "POST /login": 200,
    "GET /.well-known/jwks.json": 304,
    "GET /.well-known/passkey-endpoints": 200,
    "GET /me": 401,
    "POST /refresh": 401,
    "GET /verify": 401,
    "GET /nothing": 404,
    "DELETE /me": 405,
    "POST /register": 422,
    "GET /broken": 500,
    "GET /healthz": 200,
    "HEAD /healthz": 200,
}


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("origin", [APP, None, "https://evil.example"])
def test_every_answer_varies_by_origin(service: Service, name: str, origin: str | None) -> None:
    answer = ask(service, name, origin)
    assert answer.status_code == ANSWERS[name]
    assert varies_by_origin(answer)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert allowed == (APP if origin == APP else None)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_allowed_page_reads_the_answer_and_three_headers(service: Service, name: str) -> None:
    answer = ask(service, name, APP)
    assert answer.headers["Access-Control-Allow-Credentials"] == "true"
    exposed = answer.headers["Access-Control-Expose-Headers"].split(", ")
    assert exposed == ["WWW-Authenticate", "Retry-After", "X-Request-ID"]
    assert answer.headers.get_list("Access-Control-Allow-Origin") == [APP]


@pytest.mark.parametrize("origin", EVIL)
def test_no_other_page_reads_anything(service: Service, origin: str) -> None:
    for name in ("GET /sessions", "GET /csrf", "GET /broken"):
        answer = ask(service, name, origin)
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("origins", ["*", "null", f"{APP},*", "https://*.example", f"{APP}/path"])
def test_anything_but_exact_origins_stops_the_start(origins: str) -> None:
    with pytest.raises(CommandError, match="AUTHAPI_CORS_ORIGINS"):
        load_settings(cors_origins=origins)


def test_without_the_setting_there_is_no_cors(make_service: MakeService) -> None:
    service = make_service()
    assert preflight(service, APP).status_code == 405
    answer = ask(service, "GET /sessions", APP)
    assert [name for name in answer.headers if "access-control" in name] == []
