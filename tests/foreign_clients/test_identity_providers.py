"""ID tokens of providers that nobody here wrote, got as an app gets them: by code and PKCE."""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.browser.processes import authapi
from tests.support.api import EMAIL, PASSWORD
from tests.support.server import free_port
from tests.support.until import until

HERE = Path(__file__).parent
NONCE = "a nonce of the app"
PROVIDERS = ("oidc-provider", "oauth2-mock-server")


class Provider:
    """A provider in a process of its own."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.issuer = self._read()

    def token(self, **person: object) -> str:
        """Return an ID token for this person, from a whole log-in."""
        assert self._process.stdin
        known = {"sub": "ada", "email": EMAIL, "verified": True, "nonce": NONCE}
        self._process.stdin.write(json.dumps(known | person) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self._process.stdout
        while line := self._process.stdout.readline():
            if line.startswith(("http", "ey")):  # not a word of its own log
                return line.strip()
        raise AssertionError("the provider has ended")


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    command = ["node", "providers.js", request.param]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=HERE, text=True, **pipes) as process:  # type: ignore[call-overload]
        yield Provider(process)
        process.kill()


@pytest.fixture
def client(provider: Provider, tmp_path: Path) -> Iterator[httpx.Client]:
    """Yield a client of an authapi that accepts the provider."""
    known = [{"name": "theirs", "issuer": provider.issuer, "audiences": ["an-app"]}]
    port = free_port()
    url = f"http://localhost:{port}"
    settings = {"public_url": url, "identity_providers": json.dumps(known)}
    with (
        authapi(tmp_path, port, **settings),
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


def log_in(client: httpx.Client, token: str, nonce: str | None = NONCE) -> httpx.Response:
    sent = {"provider": "theirs", "id_token": token}
    return client.post("/login/id-token", json=sent | ({"nonce": nonce} if nonce else {}))


def who(client: httpx.Client, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    return dict(client.get("/me", headers=bearer).json())


def test_a_log_in_by_code_and_pkce_ends_in_a_session(
    client: httpx.Client, provider: Provider
) -> None:
    ada = who(client, log_in(client, provider.token()))
    assert (ada["email"], ada["email_verified"]) == (EMAIL, True)
    assert who(client, log_in(client, provider.token())) == ada
    hashed = provider.token(nonce=hashlib.sha256(NONCE.encode()).hexdigest())
    assert who(client, log_in(client, hashed)) == ada
    for nonce in (None, "another"):
        assert log_in(client, provider.token(), nonce).status_code == 401
    unverified = provider.token(sub="eve", email="eve@example.com", verified=False)
    assert log_in(client, unverified).json()["error"] == "email_not_verified"
    taken = provider.token(sub="eve")
    assert log_in(client, taken).json()["error"] == "already_registered"


def test_it_is_linked_to_an_account_with_a_password(
    client: httpx.Client, provider: Provider
) -> None:
    client.post("/register", json={"email": EMAIL, "password": PASSWORD}).raise_for_status()
    tokens = client.post("/login", json={"email": EMAIL, "password": PASSWORD}).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    sent = {"provider": "theirs", "id_token": provider.token(), "nonce": NONCE}
    answer = client.post("/me/identities", json=sent, headers=bearer)
    assert (answer.status_code, answer.json()["provider"]) == (201, "theirs")
    assert who(client, log_in(client, provider.token()))["email"] == EMAIL


@pytest.mark.parametrize("provider", ["oauth2-mock-server"], indirect=True)
def test_a_key_that_the_provider_adds_is_found(client: httpx.Client, provider: Provider) -> None:
    old = provider.token()
    ada = who(client, log_in(client, old))
    # It signs with its keys in turn.
    tokens = [provider.token(rotate=rotate) for rotate in (True, False)]
    new = next(token for token in tokens if kid_of(token) != kid_of(old))
    until(lambda: log_in(client, new).status_code == 200, seconds=60, every=0.5)
    assert who(client, log_in(client, new)) == ada


def kid_of(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])
