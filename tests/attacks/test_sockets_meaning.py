"""The kind: what stands in a request means another thing to the server than to the proxy before it.

Issue 11, row 7 (trailers), and issue 12 (`Upgrade`).
"""

import json
from typing import Any

import pytest

from tests.attacks.conftest import LOGIN, MakeServer
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import ServerProcess
from tests.support.sockets import ask, connect, read_all, read_one, request, send
from tests.support.until import until

JSON = "Content-Type: application/json"
CHUNKED = "Transfer-Encoding: chunked"
BODY = b"%x\r\n%b\r\n0\r\n" % (len(LOGIN[1]), LOGIN[1])


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    server = make_server(trusted_proxies="127.0.0.1")
    with server.client() as client:
        client.post("/register", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
    return server


def addresses(server: ServerProcess, event: str) -> list[Any]:
    lines = [json.loads(line) for line in server.log.splitlines()]
    return [line["ip"] for line in lines if line["event"] == event]


def test_an_address_in_a_trailer_is_not_the_clients(server: ServerProcess) -> None:
    forged = b"X-Forwarded-For: 203.0.113.9\r\nX-Other: a\r\n\r\n"
    count = len(addresses(server, "login_succeeded"))
    assert ask(server, request("POST", "/login", JSON, CHUNKED, body=BODY + forged)).status == 200
    until(lambda: len(addresses(server, "login_succeeded")) > count)
    assert "203.0.113.9" not in server.log


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_trailer_is_no_header_of_the_next_request(server: ServerProcess, is_cut: bool) -> None:
    """A proxy sends the requests of many users on one connection."""
    forged = b"Authorization: Bearer x.y.z\r\n\r\n"
    first = request("POST", "/login", JSON, CHUNKED, body=BODY + forged, close=False)
    with connect(server) as connection:
        for content in (first[:-20], first[-20:]) if is_cut else (first,):
            send(connection, content)
        assert read_one(connection).status == 200
        send(connection, request("GET", "/me"))
        answer = read_all(connection)
    assert answer.status == 401
    assert "error=" not in answer.headers["www-authenticate"]  # no credential, not a bad one


def test_a_credential_in_a_trailer_is_none(server: ServerProcess) -> None:
    with server.client() as client:
        token = client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
    trailer = f"Authorization: Bearer {token['access_token']}\r\n\r\n".encode()
    logout = request("POST", "/logout", CHUNKED, body=b"0\r\n" + trailer)
    assert ask(server, logout).status == 401


UPGRADES = {
    "h2c": ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQ"),
    "websocket": ("Connection: upgrade", "Upgrade: websocket"),
    "nothing known": ("connection: UPGRADE", "upgrade: a/1, b/2"),
}


@pytest.mark.parametrize("upgrade", UPGRADES)
@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("is_late", [False, True])
def test_a_body_behind_an_upgrade_is_read(
    server: ServerProcess, upgrade: str, is_chunked: bool, is_late: bool
) -> None:
    headers = (*UPGRADES[upgrade], JSON, *([CHUNKED] if is_chunked else []))
    body = BODY + b"\r\n" if is_chunked else LOGIN[1]
    whole = request("POST", "/login", *headers, body=body, close=False)
    head = whole.index(b"\r\n\r\n") + 4
    with connect(server) as connection:
        for content in (whole[:head], whole[head:]) if is_late else (whole,):
            send(connection, content)
        assert read_one(connection).status == 200
        # And the connection is still in step.
        send(connection, request("GET", "/healthz"))
        assert read_all(connection).status == 200


def test_a_request_behind_an_upgrade_is_answered_too(server: ServerProcess) -> None:
    first = request("GET", "/healthz", *UPGRADES["h2c"], close=False)
    raw = ask(server, first + request("GET", "/healthz")).raw
    assert raw.count(b"HTTP/1.1 200") == 2


def test_a_handshake_for_a_websocket_is_a_request_like_others(server: ServerProcess) -> None:
    with server.client() as client:
        token = client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
    handshake = (
        *("Connection: upgrade", "Upgrade: websocket"),
        *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"),
    )
    bearer = f"Authorization: Bearer {token['access_token']}"
    with connect(server, 5) as connection:
        send(connection, request("GET", "/verify", *handshake, bearer, close=False))
        assert read_one(connection).status == 204
