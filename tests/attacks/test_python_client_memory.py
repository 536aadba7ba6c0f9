"""The kind: a client that reads all that it is sent, and unpacks it, whoever it talks to."""

import gzip
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import anyio
import httpx
import pytest

from authapi.client import AuthapiAuth
from authapi.client.answers import MAX_ANSWER_BYTES, UnexpectedAnswerError

PACKED = gzip.compress(b" " * (64 * MAX_ANSWER_BYTES))
SENT_AT_MOST = 64 * 1024 * 1024


class Handler(BaseHTTPRequestHandler):
    """`/packed/login` answers little that unpacks to much; `/long/login` much, in pieces."""

    sent = 0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        if self.path.startswith("/packed"):
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(PACKED)))
            self.end_headers()
            self.wfile.write(PACKED)
            return
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while type(self).sent < SENT_AT_MOST:
                type(self).sent += self.wfile.write(b" " * 65536)
        except OSError:
            pass  # the client has heard enough

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Handler.sent = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def auth_at(base_url: str) -> AuthapiAuth:
    return AuthapiAuth(base_url, email="ada@example.com", password="correct horse")


@pytest.mark.parametrize("path", ["packed", "long"])
def test_an_answer_is_read_as_far_as_authapi_could_mean(url: str, path: str) -> None:
    with httpx.Client(trust_env=False) as client, pytest.raises(UnexpectedAnswerError):
        client.get(f"{url}/anything", auth=auth_at(f"{url}/{path}"))
    assert Handler.sent < SENT_AT_MOST


@pytest.mark.parametrize("path", ["packed", "long"])
def test_so_does_an_async_client(url: str, path: str) -> None:
    async def ask() -> None:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(UnexpectedAnswerError):
                await client.get(f"{url}/anything", auth=auth_at(f"{url}/{path}"))

    anyio.run(ask)
    assert Handler.sent < SENT_AT_MOST
