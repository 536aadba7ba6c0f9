"""The examples as processes of their own, and a site that belongs to somebody else."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import httpx

from tests.project.tree import ROOT
from tests.support.server import free_port

STARTS_WITHIN = 60.0
STOPS_WITHIN = 15.0

# Cheap hashes, no limits; whatever else a test wants comes on top.
SETTINGS = {
    "hash_memory_kib": 1024,
    "hash_time_cost": 1,
    **{f"limit_{name}": "" for name in ("login_pair", "login_account", "register", "refresh")},
}


@contextmanager
def example(name: str, folder: Path, **settings: object) -> Iterator[str]:
    """`examples/NAME` in a folder of its own; gives its address once it answers."""
    port = free_port()
    command = [sys.executable, str(ROOT / "examples" / name)]
    with running(command, folder, port, **settings):
        yield f"http://localhost:{port}"


@contextmanager
def running(command: list[str], folder: Path, port: int, **settings: object) -> Iterator[None]:
    """A process that is told its `port`, and is ended whatever happens; its log is in `folder`."""
    inherited = {name: value for name, value in os.environ.items() if "AUTHAPI_" not in name}
    ours = {f"AUTHAPI_{name.upper()}": str(value) for name, value in (SETTINGS | settings).items()}
    log = folder / f"log-{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**inherited, **ours, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_until_it_answers(process, f"http://127.0.0.1:{port}/", log)
        yield
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN)
        finally:
            process.kill()


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = monotonic() + STARTS_WITHIN
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        try:
            httpx.get(url, trust_env=False, timeout=5)
        except httpx.TransportError:
            assert monotonic() < deadline, log.read_text(encoding="utf-8", errors="replace")
            sleep(0.05)
        else:
            return


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
