"""The kind: a client that reads slowly, and keeps what was made for it alone in memory.

The whole feed is megabytes, and another one each second. A hundred clients, each of which reads the
feed of another second and then stops, would hold a hundred of them.
"""

import json
import socket
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from threading import Event
from time import monotonic, sleep, time
from typing import Any

import pytest

from tests.attacks.conftest import MakeServer
from tests.support.server import ServerProcess
from tests.support.sockets import held_kib, is_held, request, send

SESSIONS = 200_000
FEED_KIB, OTHERS_KIB = 7_500, 16_000
READERS = 14
MOST_FEEDS = 6  # that are held at one moment
ANSWER_SECONDS = 20
FILLED = """
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?1)
INSERT INTO sessions (sid, transport, scopes, created_at, last_used_at, expires_at, ends_at,
  last_exchanged, exchanged_at, exchanged_before, exchange_keys, revoked_at)
SELECT substr(lower(hex(randomblob(11))), 1, 22), 'bearer', '', ?2, ?2, ?2, ?2, '', ?2, '', '', ?3
FROM numbers
"""


@pytest.fixture(scope="module")
def server(make_server: MakeServer) -> ServerProcess:
    """Return a server with many revoked sessions, which has told them once."""
    with pytest.MonkeyPatch.context() as environment:
        # So that the memory of a large object counts as long as it is held, and no longer.
        environment.setenv("MALLOC_MMAP_THRESHOLD_", "1000000")
        server = make_server()
        server.stop()
        with closing(sqlite3.connect(server.log_file.parent / "authapi.db")) as database:
            database.execute(FILLED, (SESSIONS, int(time()), time() - 120))
            database.commit()
        server.start()
    assert len(whole_feed(server)["sessions"]) == SESSIONS
    return server


def whole_feed(server: ServerProcess) -> Any:
    with server.client() as client:
        return client.get("/revocations").raise_for_status().json()


def begin(server: ServerProcess) -> socket.socket:
    """Ask for the whole feed on a connection with a small buffer, and read nothing."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(1)
    connection.connect(("127.0.0.1", server.port))
    send(connection, request("GET", "/revocations", "Accept-Encoding: identity"))
    return connection


def read_a_little(connection: socket.socket) -> bool:
    """Read some KiB; return whether the connection goes on."""
    try:
        return bool(connection.recv(4096))
    except TimeoutError:
        return True
    except ConnectionError:
        return False


@contextmanager
def slow_readers() -> Iterator[list[socket.socket]]:
    """Yield a place for connections. Each is read from all the time, but slowly."""
    connections: list[socket.socket] = []
    is_over = Event()

    def read() -> None:
        gone = set[socket.socket]()
        while not is_over.wait(0.5):
            gone.update(one for one in set(connections) - gone if not read_a_little(one))

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        try:
            yield connections
        finally:
            is_over.set()
            reading.result()
            for connection in connections:
                connection.close()


def test_slow_readers_hold_a_few_feeds_for_a_while(server: ServerProcess) -> None:
    before, most, ages = held_kib(server.pid), 0, []
    with slow_readers() as connections:
        for _ in range(READERS):
            connections.append(begin(server))
            sleep(1.1)
            ages.append(time() - whole_feed(server)["as_of"])
            most = max(most, held_kib(server.pid))
        assert is_held(server, connections[-1])
        ends_at = monotonic() + ANSWER_SECONDS + 20
        while any(is_held(server, connection) for connection in connections):
            assert monotonic() < ends_at, "a slow reader is still connected"
            sleep(0.5)
    assert most - before < MOST_FEEDS * FEED_KIB + OTHERS_KIB
    assert max(ages) < 15  # everybody else is still told what is new


def test_a_feed_that_is_read_at_once_is_whole(server: ServerProcess) -> None:
    with begin(server) as connection:
        raw = bytearray()
        connection.settimeout(30)
        while content := connection.recv(1 << 20):
            raw += content
    document = json.loads(raw.partition(b"\r\n\r\n")[2])
    assert len(document["sessions"]) == SESSIONS
