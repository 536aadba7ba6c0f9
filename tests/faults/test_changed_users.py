"""What an operator changes about a user reaches everybody who verifies that user's tokens.

Processes as in production: two servers on PostgreSQL, the `authapi` command, and the verifier of
another service, which knows only what the first server tells it over HTTP.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from authapi.verifier import Claims, InvalidTokenError, Verifier
from tests.faults.test_service_and_issuer import PlainPolls
from tests.support.api import EMAIL, PASSWORD
from tests.support.postgresql import PostgreSQL
from tests.support.server import AUTHAPI, ServerProcess
from tests.support.until import until

ISSUER = "https://auth.example"
SETTINGS: dict[str, Any] = {
    "secret": "a secret for tests which is long enough",
    "public_url": ISSUER,
    "limit_login_pair": "",
    "hash_memory_kib": 1024,
    "hash_time_cost": 1,
}
WITHIN_TWO_POLLS = 2.5  # seconds, from the command's end, at the default poll of 1


class Installation:
    """Two servers on one database; what a client does, it does at the first."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._settings = {**SETTINGS, "database_url": database_url}
        self.servers = [ServerProcess(folder, **self._settings) for _ in range(2)]
        self.clients = [server.client() for server in self.servers]

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.kill()

    def authapi(self, *arguments: str, typed: str = "") -> None:
        """An operator's command, in a process of its own."""
        ours = {f"AUTHAPI_{name.upper()}": str(each) for name, each in self._settings.items()}
        subprocess.run(
            [AUTHAPI, *arguments],
            cwd=self._folder,
            env={**os.environ, **ours},
            input=typed.encode(),
            check=True,
            capture_output=True,
        )

    def post(self, path: str, body: dict[str, str]) -> httpx.Response:
        return self.clients[0].post(path, json=body)

    def log_in(self) -> dict[str, Any]:
        answer = self.post("/login", {"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, pair: dict[str, Any]) -> httpx.Response:
        return self.post("/refresh", {"refresh_token": pair["refresh_token"]})

    def statuses(self, token: str) -> list[int]:
        """What each server's /verify says."""
        headers = {"Authorization": f"Bearer {token}"}
        return [client.get("/verify", headers=headers).status_code for client in self.clients]


@pytest.fixture(scope="module")
def installation(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with (
        postgresql.database() as name,
        Installation(tmp_path_factory.mktemp("servers"), postgresql.url(name)) as running,
    ):
        running.authapi("users", "create", EMAIL, "--password-stdin", typed=f"{PASSWORD}\n")
        yield running


@pytest.fixture(params=[httpx.AsyncHTTPTransport, PlainPolls], ids=["wait", "poll"])
def service(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Verifier]:
    """Another service's verifier, which has heard of what is revoked and waits for more."""
    address = installation.servers[0].base_url
    transport: httpx.AsyncBaseTransport = request.param()
    with Verifier(
        issuer=ISSUER, audience="authapi", fetch_from=address, transport=transport
    ) as verifier:
        until(lambda: verifier.status().is_ready)
        yield verifier


def accepted(verifier: Verifier, token: str) -> Claims | None:
    try:
        return verifier.verify(token)
    except InvalidTokenError:
        return None


Change = Callable[[], None]


def refused_everywhere_after(
    change: Change, installation: Installation, service: Verifier, token: str
) -> float:
    """Seconds until the service and both servers refuse a token that all of them accepted."""
    assert service.verify(token)
    assert installation.statuses(token) == [204, 204]
    change()
    return until(
        lambda: not accepted(service, token) and installation.statuses(token) == [401, 401]
    )


@pytest.mark.parametrize("scopes", [["reports:read"], []], ids=["given", "taken away"])
def test_changed_scopes_are_everywhere_within_two_polls(
    installation: Installation, service: Verifier, scopes: list[str]
) -> None:
    pair = installation.log_in()
    wanted = [f"--scope={scope}" for scope in scopes]
    taken = refused_everywhere_after(
        lambda: installation.authapi("users", "scopes", EMAIL, *wanted),
        installation,
        service,
        pair["access_token"],
    )
    assert taken < WITHIN_TWO_POLLS
    renewed = installation.refresh(pair)
    assert renewed.status_code == 200, renewed.text
    claims = service.verify(renewed.json()["access_token"])
    assert (claims.sid, claims.scopes) == (pair["session_id"], frozenset(scopes))
    assert installation.statuses(renewed.json()["access_token"]) == [204, 204]
    assert not accepted(service, pair["access_token"])


def test_a_disabled_account_is_refused_everywhere_within_two_polls(
    installation: Installation, service: Verifier
) -> None:
    pair = installation.log_in()
    taken = refused_everywhere_after(
        lambda: installation.authapi("users", "disable", EMAIL),
        installation,
        service,
        pair["access_token"],
    )
    assert taken < WITHIN_TWO_POLLS
    assert installation.refresh(pair).status_code == 401
    installation.authapi("users", "enable", EMAIL)
    assert not accepted(service, pair["access_token"])
    assert accepted(service, installation.log_in()["access_token"])
