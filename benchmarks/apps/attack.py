"""A flood of one kind: `python -m benchmarks.apps.attack KIND PORT [NAME: VALUE]`, until SIGTERM.

16 clients, each on a connection of its own, and on a new one as soon as the server ends it. Each
sends its next request once it has read the answer. Prints how many answers of each status came.
"""

import json
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from time import sleep, time  # noqa: TID251 - no clock of authapi in an attacker

CLIENTS = 16
SILENT_OF_EACH = 70  # more than a process has places for
MOST_SECONDS = 120.0
JWT_LIKE = "eyJ" * 21_845  # 64 KB
LARGE_HEAD = "".join(f"X-Header-{number}: {'v' * 40}\r\n" for number in range(1000))  # 58 KB
ENDLESS_BYTES = 80 * 1024 * 1024

Requests = Iterator[bytes]
Kind = Callable[[int, str], Requests]


def _get(target: str, more: str = "") -> bytes:
    return f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n".encode()


def _always(request: bytes) -> Kind:
    def requests(_client: int, _header: str) -> Requests:
        while True:
            yield request

    return requests


def _post_login(email: str) -> bytes:
    body = json.dumps({"email": email, "password": "correct horse battery staple?"})
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n{body}".encode()


def _unknown_names(client: int, _header: str) -> Requests:
    for number in count():
        yield _post_login(f"nobody-{client}-{number}@example.com")


def _many_accounts(client: int, _header: str) -> Requests:
    for number in count(client, CLIENTS):
        yield _post_login(f"user-{number % 1000}@example.com")


def _sessions(_client: int, header: str) -> Requests:
    while True:
        yield _get("/sessions", f"{header}\r\n")


def _waiters(_client: int, _header: str) -> Requests:
    while True:
        yield _get(f"/revocations?since={time():.0f}&wait=30")


KINDS: dict[str, Kind] = {
    "targets": _always(_get(f"/{JWT_LIKE}")),
    "paths": _always(_get(f"/{JWT_LIKE[:8000]}")),
    "heads": _always(_get("/healthz", LARGE_HEAD)),
    "waiters": _waiters,
    "names": _unknown_names,
    "accounts": _many_accounts,
    "sessions": _sessions,
}


class Client:
    """One connection at a time."""

    def __init__(self, port: int, statuses: Counter[str]) -> None:
        self._port, self._statuses = port, statuses
        self._connection: socket.socket | None = None

    def connect(self) -> socket.socket:
        if self._connection is None:
            self._connection = socket.create_connection(("127.0.0.1", self._port), 60)
        return self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def ask(self, request: bytes) -> None:
        """Send a request, and read the answer to its end, or to that of the connection."""
        try:
            connection = self.connect()
            with suppress(ConnectionError):  # it may have answered before it had read all
                connection.sendall(request)
            self._read(connection)
        except OSError:
            self._statuses["none"] += 1
            self.close()

    def _read(self, connection: socket.socket) -> None:
        answer = b""
        while b"\r\n\r\n" not in answer:
            if not (more := connection.recv(262_144)):
                raise ConnectionError
            answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        self._statuses[head[9:12].decode()] += 1
        fields = head.lower().split(b"\r\n")
        lengths = [field for field in fields if field.startswith(b"content-length:")]
        missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
        while missing > 0 and (more := connection.recv(262_144)):
            missing -= len(more)
        if b"connection: close" in fields:
            self.close()


def _send_an_endless_header(client: Client, statuses: Counter[str]) -> None:
    sent, piece = 0, b"v" * 65_536
    try:
        connection = client.connect()
        connection.sendall(_get("/healthz")[:-2] + b"X-Endless: ")
        while sent < ENDLESS_BYTES:
            connection.sendall(piece)
            sent += len(piece)
        statuses["all of it taken"] += 1
    except OSError:
        statuses["refused"] += 1
    client.close()


def _hold_silent_connections(port: int, statuses: Counter[str]) -> None:
    """Keep more connections than there are places; make each new one that was ended anew."""
    held: list[socket.socket] = []
    while True:
        for connection in held[:]:
            with suppress(BlockingIOError):
                if not connection.recv(1024):
                    held.remove(connection)
                    connection.close()
                    statuses["ended"] += 1
        while len(held) < SILENT_OF_EACH:
            held.append(socket.create_connection(("127.0.0.1", port), 60))
            held[-1].settimeout(0)
            statuses["opened"] += 1
        sleep(0.01)


def _attack(kind: str, number: int, header: str, statuses: Counter[str], port: int) -> None:
    if kind == "connections":
        _hold_silent_connections(port, statuses)
    client = Client(port, statuses)
    if kind == "endless-heads":
        while True:
            _send_an_endless_header(client, statuses)
    for request in KINDS[kind](number, header):
        client.ask(request)


def main(kind: str, port: int, header: str) -> None:
    ended, statuses = Event(), Counter[str]()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    for number in range(CLIENTS):
        given = (kind, number, header, statuses, port)
        Thread(target=_attack, args=given, daemon=True).start()
    ended.wait(MOST_SECONDS)
    sys.stdout.write(json.dumps(dict(statuses)))
    sys.stdout.flush()
    os._exit(0)  # its threads wait for answers


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else "")
