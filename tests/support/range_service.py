"""A range service on a socket of this process: it answers as one does, late, cut, or nonsense."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

ABSENT = "0" * 34 + "{:X}:{}"
Answer = Callable[["RangeService", BaseHTTPRequestHandler, str], None]


def digest_of(password: str) -> str:
    return sha1(password.encode(), usedforsecurity=False).hexdigest().upper()


@dataclass
class RangeService:
    """`stolen` are passwords and how often each was seen. `answer` may be another one."""

    stolen: dict[str, int] = field(default_factory=dict)
    answer: "Answer | None" = None
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # path, headers
    connections: set[Any] = field(default_factory=set)  # the client's ports
    released: Event = field(default_factory=Event)  # for answers that wait
    url: str = ""

    def lines(self, prefix: str) -> list[str]:
        """Return what it knows of a prefix, and lines that pad it."""
        digests = {digest_of(password): count for password, count in self.stolen.items()}
        known = [f"{digest[5:]}:{n}" for digest, n in digests.items() if digest[:5] == prefix]
        return [ABSENT.format(1, 3), *known, *(ABSENT.format(n, 0) for n in range(2, 10))]

    def send(self, request: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing: clients go away."""


@contextmanager
def range_service(**options: Any) -> Iterator[RangeService]:
    """Yield a service that runs meanwhile."""
    service = RangeService(**options)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # it keeps connections

        def do_GET(self) -> None:
            service.asked.append((self.path, dict(self.headers)))
            service.connections.add(self.client_address)
            prefix = self.path.removeprefix("/range/")
            if service.answer:
                service.answer(service, self, prefix)
            else:
                service.send(self, "\r\n".join(service.lines(prefix)).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with Server(("127.0.0.1", 0), Handler) as server:
        service.url = f"http://127.0.0.1:{server.server_port}/range/"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield service
        finally:
            service.released.set()
            server.shutdown()
            thread.join(10)
