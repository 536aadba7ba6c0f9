"""The Python of the pages runs as it stands, against a real authapi: only its URL is another."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from authapi.client import StoredTokens
from authapi.config import Settings
from authapi.errors import CommandError
from authapi.testing import PASSWORD, AuthServer, authapi_server
from authapi.verifier import InvalidTokenError, Verifier
from tests.support.snippets import shown

EMAIL = "ada@example.com"


@pytest.fixture(scope="module")
def server() -> Iterator[AuthServer]:
    with authapi_server(serve=True, audiences="reports") as running:
        running.user(EMAIL)
        yield running


@pytest.fixture
def token(server: AuthServer) -> str:
    ada = {"email": EMAIL, "password": PASSWORD, "resource": "reports"}
    answer = httpx.post(f"{server.url}/login", json=ada, trust_env=False)
    return str(answer.json()["access_token"])


@pytest.fixture
def service(server: AuthServer) -> Iterator[str]:
    """Yield the URL of a service that takes tokens for `reports` alone."""
    with Verifier(issuer=server.url, audience="reports") as verifier:

        class Service(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                try:
                    verifier.verify(self.headers.get("Authorization", "").partition(" ")[2])
                    self.send_response(200)
                except InvalidTokenError:
                    self.send_response(401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        listening = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_address[1]}"
        listening.shutdown()
        listening.server_close()


def run(text: str, places: dict[str, str], **names: Any) -> dict[str, Any]:
    """Run a block with the places of the page replaced; return the names that it has then."""
    for place, here in places.items():
        text = text.replace(place, here)
    exec(compile(text, "a page", "exec"), names)
    return names


def closed(names: dict[str, Any]) -> None:
    for value in list(names.values()):
        if isinstance(value, Verifier):
            value.close()


def test_the_client_asks_another_service(
    server: AuthServer, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """docs/client.md: with a password, and with tokens that were kept."""
    asked: list[httpx.Response] = []

    class Client(httpx.Client):  # the example lets its answer go
        def __init__(self, **options: Any) -> None:
            super().__init__(**options, trust_env=False, event_hooks={"response": [asked.append]})

    monkeypatch.setattr(httpx, "Client", Client)
    first, second = shown("docs/client.md", "python")
    places = {"https://auth.example": server.url, "https://api.example": service}
    run(first, places)
    assert (str(asked[-1].url), asked[-1].status_code) == (f"{service}/reports", 200)

    ada = {"email": EMAIL, "password": PASSWORD}
    pair = httpx.post(f"{server.url}/login", json=ada, trust_env=False).json()
    kept: list[StoredTokens] = []
    names = run(
        second,
        places,
        refresh_token=pair["refresh_token"],
        idempotency_key="0123456789abcdef" * 2,
        save=kept.append,
    )
    with Client(auth=names["auth"]) as client:
        assert client.get(f"{server.url}/me").status_code == 200
    assert kept
    assert kept[-1].refresh_token != pair["refresh_token"]


def test_settings_in_python() -> None:
    """docs/configuration.md: both ways give settings, and raise what the comments say."""
    (block,) = shown("docs/configuration.md", "python")
    names = run(block, {})
    assert isinstance(names["settings"], Settings)
    with pytest.raises(CommandError):
        run(block, {"https://auth.example": "nonsense"})
    with pytest.raises(ValueError, match="validation error"):
        run(block.replace("settings = load_settings", "# "), {"https://auth.example": "nonsense"})


def test_the_shortest_verification(server: AuthServer, token: str) -> None:
    """That of docs/tokens.md, and that of packages/verifier/README.md."""
    for page in ("docs/tokens.md", "packages/verifier/README.md"):
        (block,) = shown(page, "python")
        names = run(block, {"https://auth.example": server.url}, token=token, Verifier=Verifier)
        assert names["claims"].raw["aud"] == "reports"
        closed(names)


def test_the_verifiers_first_example(server: AuthServer, token: str) -> None:
    (block,) = shown("docs/verifier.md", "python", "Use")
    names = run(block, {"https://auth.example": server.url}, token=token)
    assert names["claims"].sid
    with pytest.raises(names["InvalidTokenError"]):
        names["verifier"].verify(token + "x")
    closed(names)


def test_a_block_that_is_wrong_fails(tmp_path: Path) -> None:
    with pytest.raises(NameError):
        run("claims = Verifier()", {})
