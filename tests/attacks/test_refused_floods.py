"""The kind: a refused client that asks again at once, and costs all others the processor.

A refusal costs its client nothing, whatever it is for: a target, a head, a path, a body, a
credential, a limit, a full waiting room (issue 11, rows 2 to 6).
"""

import json
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep, time

import pytest

from authapi.cli.draining_server import HAND_OVER_SECONDS
from tests.attacks.conftest import LOGIN, MakeServer
from tests.support.server import Program, ServerProcess
from tests.support.sockets import Answer, peak_kib, read_all, read_one, request, send
from tests.support.until import until

CLIENTS, SECONDS = 16, 2.5
AT_ONCE, WAIT_SECONDS = 20, 0.5
PLACES_OF_AN_ADDRESS = 128
SOON = WAIT_SECONDS / 2
HERE, ELSEWHERE = "127.0.0.2", "127.0.0.3"
# Each client's waits, and what its address gets at once in each second that the flood touches.
MOST_ANSWERS = CLIENTS * (SECONDS / WAIT_SECONDS + 1) + AT_ONCE * (SECONDS + 2)
GROWTH_KIB = 64 * 1024

GOOD = request("GET", "/healthz", close=False)
BAD = request("GET", "/nowhere", close=False)
JSON = "Content-Type: application/json"


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    return make_server(limit_login_address="1/hour")


@pytest.fixture(scope="module")
def behind_proxy(make_server: MakeServer) -> ServerProcess:
    return make_server(trusted_proxies=HERE)


def connect(server: Program, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 10, source_address=(address, 0))


def ask(connection: socket.socket, content: bytes) -> tuple[int, float]:
    """Return the status of the answer, and how long it took."""
    began = monotonic()
    send(connection, content)
    return read_one(connection).status, monotonic() - began


def waiter() -> bytes:
    return request("GET", f"/revocations?since={time():.0f}&wait=30", close=False)


FLOODS = {  # what each client sends, and its answer
    "targets": (request("GET", "/" + "eyJ" * 20_000, close=False), 414),
    "paths": (request("GET", "/" + "eyJ" * 2_600, close=False), 404),
    "fields": (request("GET", "/me", *[f"X-{n}: {n}" for n in range(1000)], close=False), 431),
    "no HTTP": (b"\x16\x03\x01\x02\r\n\r\n", 400),
    "methods": (request("PUT", "/login", close=False), 405),
    "bodies": (request("POST", "/login", JSON, "Content-Length: 99999999"), 413),
    "types": (request("POST", "/login", body=b"email=a", close=False), 415),
    "members": (request("POST", "/login", JSON, body=b"{}", close=False), 422),
    "tokens": (request("GET", "/me", "Authorization: Bearer e.y.J", close=False), 401),
    "log-ins": (request("POST", "/login", *LOGIN[0], body=LOGIN[1], close=False), 429),
}


@contextmanager
def flood(server: Program, content: bytes) -> Iterator[Counter[int]]:
    """Let clients of one address ask again at once; the answers are there after the block."""
    statuses, ends_at = Counter[int](), monotonic() + SECONDS

    def attack() -> None:
        while monotonic() < ends_at:
            with connect(server, HERE) as connection, suppress(OSError, AssertionError):
                while monotonic() < ends_at:
                    statuses[ask(connection, content)[0]] += 1

    threads = [threading.Thread(target=attack) for _ in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_of_refused_requests_is_slowed_down(server: ServerProcess, name: str) -> None:
    content, status = FLOODS[name]
    with flood(server, content) as statuses:
        sleep(1)
        with connect(server, HERE) as same, connect(server, ELSEWHERE) as other:
            for connection, asked in ((same, GOOD), (other, GOOD), (other, BAD)):
                took = min(ask(connection, asked)[1] for _ in range(3))
                assert took < SOON
    assert statuses[status] > CLIENTS
    assert statuses.total() <= MOST_ANSWERS


def test_those_for_whom_there_is_no_place_to_wait_are_slowed_down(server: ServerProcess) -> None:
    with flood_of_waiters(server) as statuses:
        pass
    assert statuses[200] > CLIENTS
    assert statuses.total() <= MOST_ANSWERS


@contextmanager
def flood_of_waiters(server: Program) -> Iterator[Counter[int]]:
    """Fill the places of an address with connections that wait, and flood beside them."""
    with ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(connect(server, HERE))
            send(connection, waiter())
        sleep(0.2)
        with flood(server, waiter()) as statuses:
            yield statuses


def test_a_few_refusals_are_answered_at_once(server: ServerProcess) -> None:
    sleep(1)  # no flood of an earlier test counts
    with connect(server, HERE) as connection:
        assert max(ask(connection, BAD)[1] for _ in range(AT_ONCE)) < SOON


def test_a_proxy_that_asks_for_strangers_is_told_no_at_once(server: ServerProcess) -> None:
    with connect(server, HERE) as connection:
        took = [ask(connection, request("GET", "/verify", close=False)) for _ in range(100)]
    assert {status for status, _ in took} == {401}
    assert sum(seconds < SOON for _, seconds in took) == len(took)


def test_a_trusted_proxy_is_not_slowed_down_but_its_flooding_client_is(
    behind_proxy: ServerProcess,
) -> None:
    with connect(behind_proxy, HERE) as proxy:
        own = [ask(proxy, BAD)[1] for _ in range(AT_ONCE * 3)]
        assert max(own) < SOON
        flooding = request("GET", "/nowhere", "X-Forwarded-For: 203.0.113.7", close=False)
        assert max(ask(proxy, flooding)[1] for _ in range(AT_ONCE * 3)) > SOON
        other = request("GET", "/nowhere", "X-Forwarded-For: 203.0.113.8", close=False)
        assert ask(proxy, other)[1] < SOON


def answers_of_many(server: Program, content: bytes, count: int) -> list[Answer]:
    """Ask on so many connections at once; return what came on each before its end."""
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(server, HERE)) for _ in range(count)]
        for connection in connections:
            send(connection, content)
        return [read_all(connection) for connection in connections]


@pytest.mark.parametrize("name", ["a route's refusal", "a refused head"])
def test_past_the_places_of_an_address_its_connections_end_unanswered(
    server: ServerProcess, name: str
) -> None:
    fields = ("X: " + "a" * 60_000, *["Y: b"] * (300 if name == "a refused head" else 0))
    content = request("GET", "/nowhere", *fields)
    idle, began = peak_kib(server.pid), monotonic()
    answers = answers_of_many(server, content, 400)
    assert all(answer.is_closed for answer in answers)
    assert monotonic() - began < 10
    answered = sum(bool(answer.raw) for answer in answers)
    assert PLACES_OF_AN_ADDRESS <= answered < 400 - AT_ONCE
    assert peak_kib(server.pid) - idle < GROWTH_KIB
    with connect(server, HERE) as connection:
        assert ask(connection, GOOD)[1] < SOON


@pytest.mark.parametrize("name", ["paths", "fields"])
def test_held_refusals_are_told_at_shutdown(make_server: MakeServer, name: str) -> None:
    server = make_server()
    with ExitStack() as stack:
        connections = [stack.enter_context(connect(server, HERE)) for _ in range(AT_ONCE * 3)]
        for connection in connections:
            send(connection, FLOODS[name][0])
        began = monotonic()
        until(lambda: f"}} {len(connections)}.0" in metrics(server), every=0.01)
        os.kill(server.pid, signal.SIGTERM)
        statuses = [read_one(connection).status for connection in connections]
        # A stop hands its socket over first. Nobody waits for longer than without a stop, and that.
        assert monotonic() - began < WAIT_SECONDS + HAND_OVER_SECONDS + SOON
    assert set(statuses) == {FLOODS[name][1]}
    assert server.stop() == 0


def metrics(server: Program) -> str:
    with connect(server, ELSEWHERE) as connection:
        send(connection, request("GET", "/metrics", close=False))
        return read_one(connection).raw.decode()


def test_who_hangs_up_while_held_leaves_no_error(server: ServerProcess) -> None:
    for content in (BAD, FLOODS["fields"][0], FLOODS["bodies"][0]):
        for _ in range(60):
            with connect(server, HERE) as connection:
                send(connection, content)
    sleep(1)
    assert 'ServerError"} 0.0' in metrics(server)
    lines = server.log.splitlines()
    assert [line for line in lines if "Traceback" in line or '"level": "error"' in line] == []
    assert [json.loads(line) for line in lines if "refusals_slowed" in line]
