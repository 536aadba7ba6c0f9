"""HTTP by hand on a real socket: what no client library would send."""

import json
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.server import Program

SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """What came back before the connection ended, or before the time was up."""

    raw: bytes
    is_closed: bool

    @property
    def status(self) -> int:
        assert self.raw.startswith(b"HTTP/1.1 "), self.raw[:200]
        return int(self.raw.split(b" ", 2)[1])

    @property
    def headers(self) -> dict[str, str]:
        head = self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")
        pairs = [line.partition(": ") for line in head.split("\r\n")[1:]]
        return {name.lower(): value for name, _, value in pairs}

    @property
    def json(self) -> Any:
        return json.loads(self.raw.partition(b"\r\n\r\n")[2])


def connect(server: Program, seconds: float = SECONDS) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), seconds)


def send(connection: socket.socket, content: bytes) -> None:
    """Send all of it, or what the server takes before it ends the connection."""
    with suppress(ConnectionError):
        connection.sendall(content)


def read_all(connection: socket.socket) -> Answer:
    """Read until the connection ends, or until its time-out."""
    raw, is_closed = bytearray(), False
    try:
        while not is_closed:
            raw += (content := connection.recv(65536))
            is_closed = not content
    except ConnectionError:
        is_closed = True
    except TimeoutError:
        pass
    return Answer(bytes(raw), is_closed)


def read_one(connection: socket.socket) -> Answer:
    """Read one answer whose length is announced, and leave the connection open."""
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _received(connection)
    length = int(Answer(raw, is_closed=False).headers.get("content-length", 0))
    while len(raw.partition(b"\r\n\r\n")[2]) < length:
        raw += _received(connection)
    return Answer(raw, is_closed=False)


def _received(connection: socket.socket) -> bytes:
    content = connection.recv(65536)
    assert content, "the connection has ended"
    return content


def ask(server: Program, content: bytes, seconds: float = SECONDS) -> Answer:
    """Send it on a connection of its own; return the one answer, or how the connection ended."""
    with connect(server, seconds) as connection:
        send(connection, content)
        return read_all(connection)


def request(method: str, path: str, *headers: str, body: bytes = b"", close: bool = True) -> bytes:
    """Return a whole request for localhost."""
    given = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
    given += ["Connection: close"] if close else []
    if body and not any(header.lower().startswith("transfer-encoding") for header in headers):
        given.append(f"Content-Length: {len(body)}")
    return "\r\n".join(given).encode("latin-1") + b"\r\n\r\n" + body


def is_held(server: Program, connection: socket.socket) -> bool:
    """Return whether the server has a descriptor for the other end of a connection."""
    ends = f":{server.port:04X}", f":{connection.getsockname()[1]:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(ends[0]) and fields[2].endswith(ends[1]):
            return fields[9] != "0"  # the inode; none, where only the kernel has it still
    return False


def peak_kib(pid: int) -> int:
    """Return the most memory that a process has ever held (VmHWM), in KiB."""
    return _kib(pid, "VmHWM")


def held_kib(pid: int) -> int:
    """Return the memory that a process holds now (VmRSS), in KiB."""
    return _kib(pid, "VmRSS")


def _kib(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:  # noqa: PTH123
        (line,) = [line for line in status if line.startswith(f"{name}:")]
    return int(line.split()[1])
