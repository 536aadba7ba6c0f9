"""docs/verify-elsewhere.md: the libraries that it shows, with good tokens and with bad ones."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from authapi.verifier.testing import TokenFactory
from tests.browser.processes import authapi
from tests.foreign_clients.judges import REFUSED, judged
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import free_port

ADA = {"email": EMAIL, "password": PASSWORD}
# The page says so: nobody tells a library of log-outs, and each trusts its issuer's lifetimes.
NOT_KNOWN = {"revoked", "living_too_long"}
# The second one lets a token live for five seconds more.
LIBRARIES = {
    "Node: jose": NOT_KNOWN,
    "Node: express-oauth2-jwt-bearer": NOT_KNOWN | {"expired"},
    "Go: go-oidc": NOT_KNOWN,
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the URL of an authapi."""
    port = free_port()
    url = f"http://localhost:{port}"
    folder = tmp_path_factory.mktemp("authapi")
    with authapi(folder, port, public_url=url, audiences="reports"):
        httpx.post(f"{url}/register", json=ADA, trust_env=False).raise_for_status()
        yield url


@pytest.fixture
def factory() -> Iterator[TokenFactory]:
    """Yield an issuer of tokens that authapi would not sign, which answers for itself."""
    port = free_port()
    factory = TokenFactory(f"http://localhost:{port}", "reports")
    metadata = {"issuer": factory.issuer, "jwks_uri": f"{factory.issuer}/.well-known/jwks.json"}

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(factory.jwks if self.path.endswith("jwks.json") else metadata)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Issuer)
    Thread(target=server.serve_forever, daemon=True).start()
    yield factory
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_takes_authapis_token_for_its_service_and_no_other(
    library: str, service: str, tmp_path: Path
) -> None:
    with httpx.Client(base_url=service, trust_env=False) as client:
        mine = client.post("/login", json=ADA | {"resource": "reports"}).json()
        accounts = client.post("/login", json=ADA).json()["access_token"]
        bearer = {"Authorization": f"Bearer {accounts}"}
        ada = client.get("/me", headers=bearer).json()["id"]
    tokens = {
        "mine": mine["access_token"],
        "the account's": accounts,
        "a refresh token": mine["refresh_token"],
        "nothing": "",
    }
    assert judged(library, service, tokens, tmp_path) == {
        **dict.fromkeys(tokens, REFUSED),
        "mine": ada,
    }


@pytest.mark.parametrize("library", LIBRARIES)
def test_it_refuses_all_that_the_page_says(
    library: str, factory: TokenFactory, tmp_path: Path
) -> None:
    tokens = {"good": factory.token("ada"), **factory.bad_tokens()}
    subjects = judged(library, factory.issuer, tokens, tmp_path)
    taken = {kind for kind, subject in subjects.items() if subject != REFUSED}
    assert subjects["good"] == "ada"
    slow = {"expired"} & LIBRARIES[library]  # the five seconds are over on a busy machine
    assert taken | slow == LIBRARIES[library] | {"good"}
