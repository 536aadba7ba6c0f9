"""The kind: a client that takes as long as it likes (issue 11, row 3)."""

import socket
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep

import pytest

from tests.attacks.conftest import MakeServer
from tests.support.server import ServerProcess
from tests.support.sockets import connect, is_held, read_all, read_one, request, send

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BODY = request("POST", "/login", "Content-Type: application/json", "Content-Length: 99")


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    return make_server()


def seconds_until_closed(server: ServerProcess, beginning: bytes, drip: bytes) -> float:
    """Return how long a connection lives that sends this much, then a byte each second."""
    began = monotonic()
    with connect(server, 1.0) as connection:
        send(connection, beginning)
        while monotonic() - began < 40:
            if read_all(connection).is_closed:
                break
            send(connection, drip)
    return monotonic() - began


def seconds_until_unread_is_cut(server: ServerProcess) -> float:
    """Return how long the server holds a connection whose client reads none of 7 MB of answers."""
    began = monotonic()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", server.port))
        for _ in range(3):
            send(connection, request("GET", "/openapi.json", close=False) * 30)
            sleep(0.5)
        while monotonic() - began < 40 and is_held(server, connection):
            sleep(0.2)
    return monotonic() - began


SLOW = {  # beginning, what drips, seconds that it may live
    "nothing at all": (b"", b"", 10),
    "empty lines": (b"", b"\r\n", 10),
    "a target": (b"GET /", b"a", 10),
    "a value": (HEAD + b"X: ", b"a", 10),
    "lines": (HEAD, b"X: a\r\n", 10),
    "a second head": (HEAD + b"\r\n" + HEAD, b"X: a\r\n", 10),
    "silence in a body": (BODY, b"", 20),
    "silence in an upgrade's body": (
        BODY.replace(b"Connection: close", b"Connection: Upgrade\r\nUpgrade: h2c"),
        b"",
        20,
    ),
}


def test_who_is_slow_is_cut_off_and_who_rests_is_not(server: ServerProcess) -> None:
    with ThreadPoolExecutor(len(SLOW) + 1) as pool, connect(server) as resting:
        lives = {name: pool.submit(seconds_until_closed, server, *SLOW[name][:2]) for name in SLOW}
        unread = pool.submit(seconds_until_unread_is_cut, server)
        send(resting, request("GET", "/healthz", close=False))
        assert read_one(resting).status == 200
        ages = {name: life.result() for name, life in lives.items()}
        # Past uvicorn's own 5 s: a proxy may send on a connection that it has kept for a minute.
        send(resting, request("GET", "/healthz", close=False))
        assert read_one(resting).status == 200
    allowed = {name: seconds for name, (_, _, seconds) in SLOW.items()}
    assert {name for name, age in ages.items() if not -1 < age - allowed[name] < 5} == set(), ages
    assert 19 < unread.result() < 28


def test_the_time_for_an_unused_connection_is_an_option(make_server: MakeServer) -> None:
    server = make_server("--keep-alive", "1")
    began = monotonic()
    with connect(server, 5) as connection:
        send(connection, request("GET", "/healthz", close=False))
        assert read_one(connection).status == 200
        assert read_all(connection).is_closed
    assert 0.5 < monotonic() - began < 4


def test_the_times_for_a_head_and_a_body_are_options(make_server: MakeServer) -> None:
    """Slower than the usual times passes, and quicker ones cut off: two servers, at one time."""
    patient = make_server("--head-seconds", "60", "--body-seconds", "60")
    strict = make_server("--head-seconds", "1", "--body-seconds", "2")
    with connect(patient) as head, connect(patient) as body, ThreadPoolExecutor(2) as pool:
        send(head, HEAD)
        send(body, BODY)
        began = monotonic()
        slow_head = pool.submit(seconds_until_closed, strict, HEAD, b"")
        silence = pool.submit(seconds_until_closed, strict, BODY, b"")
        assert 0.5 < slow_head.result() < 8
        assert 1.5 < silence.result() < 9
        sleep(max(0, began + 22 - monotonic()))  # past the usual times
        send(head, b"Connection: close\r\n\r\n")
        send(body, b"{}" + b" " * 97)
        assert read_all(head).status == 200
        assert read_all(body).status == 422
