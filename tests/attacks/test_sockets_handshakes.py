"""The kind: the server library's limits are ours.

A proxy copies `Upgrade: websocket` into its question at /verify. `authapi serve` speaks no
WebSocket and reads a request. A server around a mounted authapi takes it for a WebSocket of its
own. Issue 12.
"""

import sys
from collections.abc import Iterator

import pytest

from tests.attacks.conftest import MakeServer
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import Program, free_port
from tests.support.settings import SERVER, environment
from tests.support.sockets import Answer, connect, read_one, request, send

HANDSHAKE = (
    *("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"),
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
LIBRARIES = ["websockets", "websockets-sansio", "none"]


@pytest.fixture(scope="module", params=["serve", *LIBRARIES])
def server(
    request: pytest.FixtureRequest,
    make_server: MakeServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Program]:
    if request.param == "serve":
        yield make_server()
        return
    port = free_port()
    options = ("--factory", "--ws", request.param, "--port", str(port))
    command = (sys.executable, "-m", "uvicorn", "authapi:create_app", *options)
    with Program(
        command, tmp_path_factory.mktemp("uvicorn"), environment(**SERVER), port
    ) as program:
        yield program


@pytest.fixture(scope="module")
def bearer(server: Program) -> str:
    with server.client() as client:
        ada = {"email": EMAIL, "password": PASSWORD}
        client.post("/register", json=ada).raise_for_status()
        return f"Authorization: Bearer {client.post('/login', json=ada).json()['access_token']}"


def handshake(server: Program, path: str, *headers: str) -> Answer:
    with connect(server) as connection:
        send(connection, request("GET", path, *HANDSHAKE, *headers, close=False))
        return read_one(connection)


@pytest.mark.parametrize("path", ["/verify", "/verify/chat?room=1"])
def test_a_good_token_is_answered_204(server: Program, bearer: str, path: str) -> None:
    answer = handshake(server, path, bearer)
    assert answer.status == 204
    assert answer.headers["x-auth-subject"]
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_no_token_and_a_bad_one_are_401(server: Program, bearer: str) -> None:
    for headers in ((), (f"{bearer[:-4]}AAAA",)):
        answer = handshake(server, "/verify", *headers)
        assert (answer.status, answer.json["error"]) == (401, "invalid_token")
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_scope_that_is_missing_is_403(server: Program, bearer: str) -> None:
    answer = handshake(server, "/verify?scope=admin", bearer)
    assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")


def test_no_other_route_opens_a_websocket(server: Program, bearer: str) -> None:
    for path in ("/me", "/healthz", "/nothing", "/verifyx"):
        assert handshake(server, path, bearer).status != 101
