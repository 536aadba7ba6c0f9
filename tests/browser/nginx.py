"""examples/nginx with the real nginx, around the real authapi or a stand-in for it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import httpx

from tests.project.tree import ROOT
from tests.support.server import ANSWER_TIMEOUT, Program
from tests.support.settings import CHEAP_HASHES, NO_LIMITS, environment

# Answers every request as its header X-Stand-In says. X-Auth-Subject is all that it was asked.
STAND_IN = """#!{python}
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Verify(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        wanted = self.headers.get("X-Stand-In", "204")
        if wanted == "silence":
            time.sleep(8)
        if wanted == "nothing":
            self.close_connection = True
            return
        asked = {{"method": self.command, "path": self.path, "headers": dict(self.headers)}}
        self.send_response(int(wanted) if wanted.isdigit() else 204)
        self.send_header("X-Auth-Subject", json.dumps(asked))
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_PUT = do_DELETE = do_GET

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[-1])), Verify).serve_forever()
"""


@contextmanager
def run(example: str, folder: Path, asked: str, **told: object) -> Iterator[Path]:
    """Run an example until the end of the block, where it has to stop by itself.

    Yields the folder, where authapi has its database.
    """
    told = {"BIN": Path(sys.executable).parent, **told}
    env = environment(**CHEAP_HASHES, **NO_LIMITS) | {name: str(told[name]) for name in told}
    command = [str(ROOT / "examples" / example / "run")]
    with Program(command, folder, env, int(str(told["PORT"])), asked) as program:
        yield folder
        assert program.stop() == 0


def stand_in(folder: Path) -> Path:
    """Return a folder of commands in which `authapi serve` is the stand-in."""
    commands = folder / "bin"
    commands.mkdir()
    (commands / "python").symlink_to(sys.executable)
    authapi = commands / "authapi"
    authapi.write_text(STAND_IN.format(python=sys.executable), encoding="utf-8")
    authapi.chmod(0o755)
    return commands


def page_of(url: str) -> httpx.Client:
    """Return a client that asks as a page of the site does."""
    headers = {"Origin": url}
    return httpx.Client(base_url=url, trust_env=False, timeout=ANSWER_TIMEOUT, headers=headers)


def get(port: int, path: str, *headers: tuple[str, str]) -> HTTPResponse:
    """Ask for a path exactly as it is written here, with headers as they are written here."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_TIMEOUT)
    try:
        connection.putrequest("GET", path)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()
