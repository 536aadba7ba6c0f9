"""The kind: a client that goes away before its answers come, which is no error of ours (issue 11).

Else anybody could fill the log with tracebacks and set off the alarm on errors.
"""

import socket
import struct
from time import sleep

import pytest

from tests.attacks.conftest import LOGIN, MakeServer
from tests.support.server import ServerProcess
from tests.support.sockets import ask, connect, request
from tests.support.until import until

METRICS = request("GET", "/metrics")
SLOW_HASHES = {"hash_memory_kib": 8192, "hash_time_cost": 5}
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, with RST


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    return make_server(**SLOW_HASHES)


SLOW = request("POST", "/login", *LOGIN[0], body=LOGIN[1], close=False)
QUICK = request("GET", "/healthz", close=False)
SENT = {
    "one": SLOW,
    "the one that runs is not the last": SLOW + QUICK,
    "many in a row": (SLOW + QUICK) * 4,
    "the last one is not whole": SLOW + SLOW[:-5],
    "what follows is no HTTP": SLOW + b"\0\r\n\r\n",
}


@pytest.mark.parametrize("name", SENT)
def test_a_client_that_goes_away_leaves_no_error(server: ServerProcess, name: str) -> None:
    for pause in (0.0, 0.002, 0.005, 0.01):
        with connect(server) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            connection.sendall(SENT[name])
            sleep(pause)
    until(lambda: b"authapi_connections_open 1.0" in ask(server, METRICS).raw, every=0.05)
    sleep(0.2)  # the hashes that still run
    require_no_error(server)


def test_a_refused_body_leaves_no_error_though_the_client_waits_to_send_it(
    server: ServerProcess,
) -> None:
    expects = (
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
        "Expect: 100-continue",
    )
    for path in ("/login", "/register"):
        answer = ask(server, request("POST", path, *expects, close=False) + b"2\r\n{}zz\r\n")
        assert answer.status == 400
        assert answer.raw.count(b"HTTP/1.1 ") == 1
    require_no_error(server)


def require_no_error(server: ServerProcess) -> None:
    lines = server.log.splitlines()
    assert [line for line in lines if "Traceback" in line or '"level": "error"' in line] == []
    assert 'ServerError"} 0.0' in ask(server, METRICS).raw.decode()
