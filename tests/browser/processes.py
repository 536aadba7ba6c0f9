"""The examples as processes of their own, and a site that belongs to somebody else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from tests.project.tree import ROOT
from tests.support.server import AUTHAPI, Program, free_port
from tests.support.settings import CHEAP_HASHES, NO_LIMITS, environment


@contextmanager
def example(name: str, folder: Path, **settings: object) -> Iterator[str]:
    """Run `examples/NAME` in a folder of its own; yield its address once it answers."""
    port = free_port()
    with running([sys.executable, str(ROOT / "examples" / name)], folder, port, **settings):
        yield f"http://localhost:{port}"


def authapi(folder: Path, port: int, **settings: object) -> Program:
    """Return `authapi serve`, not yet started."""
    return running([str(AUTHAPI), "serve", "--port", str(port)], folder, port, **settings)


def running(command: list[str], folder: Path, port: int, **settings: object) -> Program:
    """Return a program that is told its `port`: with cheap hashes, no limits, and `settings`."""
    env = environment(**{**CHEAP_HASHES, **NO_LIMITS, **settings})
    return Program(command, folder, {**env, "PORT": str(port)}, port, asked="/")


@contextmanager
def blank_site() -> Iterator[int]:
    """A site of its own port that answers every address with an empty page; gives the port.

    Any page may ask it for anything, with any of our headers.

    By the name `127.0.0.1` it is another site than `localhost`; by that name it is another origin
    of the same site.
    """

    class BlankPage(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b"<!doctype html><title>blank</title>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Access-Control-Allow-Origin", self.headers.get("Origin", "*"))
            self.send_header("Access-Control-Allow-Credentials", "true")
            self.send_header("Access-Control-Allow-Headers", "Authorization, X-CSRF-Token")
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", free_port()), BlankPage)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
