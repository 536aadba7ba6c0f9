"""A proxy before a mail server that takes a mail, and breaks off before it says so."""

import select
import socket
import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

END_OF_MAIL = b"\r\n.\r\n"  # RFC 5321 section 4.1.1.4
PATIENCE = 30.0  # seconds


class CuttingProxy(socketserver.ThreadingTCPServer):
    """Cuts the first `cuts` connections after the server has answered the end of a mail."""

    daemon_threads = True

    def __init__(self, target: int, cuts: int) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.target, self.cuts = target, cuts

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Connection(socketserver.BaseRequestHandler):
    server: CuttingProxy

    def handle(self) -> None:
        client: socket.socket = self.request
        said = b""
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:
            while ready := select.select([client, upstream], [], [], PATIENCE)[0]:
                for source in ready:
                    passed = source.recv(65536)
                    if not passed:
                        return
                    if source is client:
                        said = (said + passed)[-len(END_OF_MAIL) :]
                    elif said == END_OF_MAIL and self.server.cuts:
                        self.server.cuts -= 1
                        return
                    (upstream if source is client else client).sendall(passed)


@contextmanager
def cutting_proxy(target: int, cuts: int = 1) -> Iterator[CuttingProxy]:
    """Run a proxy to that port during the block."""
    with CuttingProxy(target, cuts) as proxy:
        Thread(target=proxy.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            proxy.shutdown()
