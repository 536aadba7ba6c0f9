"""The kind: a rule that looks at one property of a request, where another one decides.

A handshake for a WebSocket is a GET, but it opens a channel that acts for the user. A browser sends
the user's cookies along from any page (cross-site WebSocket hijacking, CWE-1385). Issue 12.
"""

from collections.abc import Iterator, Sequence

import pytest

from tests.support.api import Api
from tests.support.app_transport import AppClient
from tests.support.application import MakeApi
from tests.support.databases import sqlite_only
from tests.support.foreign import APP, FOREIGN, OURS, SETTINGS
from tests.support.rows import every_row
from tests.support.transports import Holder

pytestmark = sqlite_only
PROXY = "10.1.2.3"
KEY = ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")

# Each way in which a proxy may hand a handshake on: nginx drops `Upgrade`, others drop more.
HANDSHAKES: dict[str, Sequence[tuple[str, str]]] = {
    "its key": [KEY],
    "over HTTP/2, without a key": [("Sec-WebSocket-Version", "13")],
    "the upgrade": [("Connection", "Upgrade"), ("Upgrade", "websocket")],
    "the upgrade in capitals": [("Upgrade", "WebSocket")],
    "the upgrade with a version": [("Upgrade", "websocket/13")],
    "the upgrade in a list": [("Upgrade", "h2c, websocket")],
    "the upgrade in a second header": [("Upgrade", "h2c"), ("Upgrade", "websocket")],
    "what the browser says": [("Sec-Fetch-Mode", "websocket")],
    "what the browser says of its use": [("Sec-Fetch-Dest", "websocket")],
}
METHODS: dict[str, Sequence[tuple[str, str]]] = {
    "nobody says the method": [],
    "GET": [("X-Original-Method", "GET")],
    "CONNECT": [("X-Forwarded-Method", "CONNECT")],
}
each_transport = pytest.mark.parametrize("transport", ["cookie", "session"])


@pytest.fixture
def holder(make_api: MakeApi, transport: str) -> Iterator[Holder]:
    api = make_api(**SETTINGS, trusted_proxies=[PROXY])
    api.register()
    with AppClient(api.app, address=PROXY) as client:
        yield Holder(Api(client), transport).log_in()


def verify(holder: Holder, *headers: tuple[str, str], path: str = "/verify") -> int:
    """Ask with the cookies alone: a browser adds no CSRF token to a handshake."""
    sent = [*holder.jar.header.items(), *headers]
    return holder.api.client.get(path, headers=sent).status_code


@each_transport
def test_a_foreign_page_opens_no_websocket(holder: Holder) -> None:
    with every_row() as row:
        for name, handshake in HANDSHAKES.items():
            for method, said in METHODS.items():
                for page, source in FOREIGN.items():
                    with row(f"{name}, {method}, {page}"):
                        assert verify(holder, *said, *handshake, *source) == 403
                        assert verify(holder, *said, *handshake, *source, path="/verify/a") == 403


@each_transport
def test_our_own_page_and_an_allowed_one_do(holder: Holder) -> None:
    with every_row() as row:
        for name, handshake in HANDSHAKES.items():
            for method, said in METHODS.items():
                for origin in (OURS, APP):
                    with row(f"{name}, {method}, {origin}"):
                        assert verify(holder, *said, *handshake, ("Origin", origin)) == 204


@each_transport
def test_a_handshake_by_cookie_without_an_origin_is_refused(holder: Holder) -> None:
    """Every browser sends one. Without it, nothing says whose page it is."""
    for said in ([], [("Sec-Fetch-Site", "same-origin")], [("Sec-Fetch-Site", "none")]):
        assert verify(holder, ("X-Original-Method", "GET"), KEY, *said) == 403


@pytest.mark.parametrize("transport", ["bearer"])
def test_a_token_in_the_header_needs_no_origin(holder: Holder) -> None:
    for handshake in HANDSHAKES.values():
        for source in ([], FOREIGN["another site"]):
            sent = [*holder.headers.items(), *handshake, *source]
            assert holder.api.client.get("/verify", headers=sent).status_code == 204


@pytest.mark.parametrize("transport", ["cookie"])
def test_a_handshake_spares_no_other_route_the_csrf_token(holder: Holder) -> None:
    sent = [*holder.jar.header.items(), KEY, ("Origin", OURS)]
    for path in ("/logout", "/logout/all", "/refresh"):
        assert holder.api.client.post(path, headers=sent).status_code == 403


@each_transport
def test_what_only_looks_like_one_is_a_read(holder: Holder) -> None:
    said = ("X-Original-Method", "GET")
    for header in (("Upgrade", "h2c"), ("Sec-Fetch-Mode", "cors"), ("Upgrade", "websocketx")):
        assert verify(holder, said, header, *FOREIGN["another site"]) == 204
