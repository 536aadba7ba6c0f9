"""The kind: a closed list without a switch.

An app in a web view, and an extension of a browser, send origins that are no web addresses. Tools
for tracing add headers to each request. Both stopped at a list of ours. Issue 12.
"""

import httpx
import pytest

from authapi.config import load_settings
from authapi.errors import CommandError
from tests.support.api import EMAIL, PASSWORD
from tests.support.foreign import APP, PUBLIC_URL
from tests.support.service import MakeService, Service

APPS = (
    *("capacitor://localhost", "ionic://localhost", "tauri://localhost", "app://obsidian.md"),
    "chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai",
    "moz-extension://2c1a5bd0-5c6b-4c0a-9f0f-0a1b2c3d4e5f",
    "safari-web-extension://0C4B9A3E-6C3C-4F3B-8B0A-1A2B3C4D5E6F",
    *("vscode-webview://1f2k3", "com.example.app://localhost", "app+dev://localhost:8100"),
    *("https://tauri.localhost", "http://tauri.localhost", "https://localhost"),
)
NEVER = (
    *("capacitor://*", "chrome-extension://*", "chrome-extension://", "capacitor://", "tauri:"),
    *("capacitor://localhost/", "capacitor://localhost/index.html", "ionic://a@localhost"),
    *("Capacitor://localhost", "capacitor://localhost?a", "capacitor://local host"),
    *("file://", "file://localhost", "file:///", "null", "data://x", "blob://x", "about://blank"),
    *("javascript://x", "ws://localhost", "wss://localhost", "ftp://localhost", "capacitor"),
    *("://localhost", "1app://localhost", "app://[::1]x", "app://localhost:0x", "app://a:b:c"),
)
HEADERS = (
    *("Authorization", "Content-Type", "X-CSRF-Token", "Idempotency-Key", "X-Requested-With"),
    *("X-Request-ID", "traceparent", "tracestate", "baggage", "sentry-trace", "DPoP"),
)


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    return make_service(public_url=PUBLIC_URL, cors_origins=",".join((APP, *APPS)))


def preflight(service: Service, origin: str, headers: str) -> httpx.Response:
    sent = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    asked = {"Access-Control-Request-Headers": headers}
    return service.client.options("/refresh", headers=sent | asked)


@pytest.mark.parametrize("origin", APPS)
def test_an_app_may_call_and_log_in_by_cookie(service: Service, origin: str) -> None:
    answer = preflight(service, origin, "content-type,x-csrf-token")
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (204, origin)
    body = {"email": EMAIL, "password": PASSWORD, "transport": "cookie"}
    answer = service.client.post("/login", json=body, headers={"Origin": origin})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, origin)


@pytest.mark.parametrize("origin", APPS)
def test_another_app_may_not(service: Service, origin: str) -> None:
    for other in (f"{origin}x", f"{origin}/", origin.upper(), f"x{origin}"):
        assert preflight(service, other, "content-type").status_code == 403
        body = {"email": EMAIL, "password": PASSWORD, "transport": "cookie"}
        assert (
            service.client.post("/login", json=body, headers={"Origin": other}).status_code == 403
        )


@pytest.mark.parametrize("origin", NEVER)
def test_what_names_no_one_app_stops_the_start(origin: str) -> None:
    with pytest.raises(CommandError, match=r"^AUTHAPI_CORS_ORIGINS "):
        load_settings(cors_origins=origin)


@pytest.mark.parametrize("header", HEADERS)
def test_each_header_of_clients_and_tracers_may_be_sent(service: Service, header: str) -> None:
    for spelling in (header, header.lower(), f"content-type, {header.lower()}"):
        answer = preflight(service, APP, spelling)
        assert answer.status_code == 204
        allowed = answer.headers["Access-Control-Allow-Headers"].lower().split(", ")
        assert header.lower() in allowed


@pytest.mark.parametrize("audience", ["authapi,reports", "authapi, reports", "authapi,", ","])
def test_a_list_in_audience_names_the_setting_that_takes_one(audience: str) -> None:
    """Taken as one name, no token would fit either service."""
    with pytest.raises(CommandError, match=r"^AUTHAPI_AUDIENCE .*AUTHAPI_AUDIENCES"):
        load_settings(audience=audience)
