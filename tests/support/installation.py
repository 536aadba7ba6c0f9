"""An installation as in production: two servers on one database, and the operator's command."""

import os
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import Forked, ForkedServer

COMMAND_TIMEOUT = 30.0  # seconds
ISSUER = "https://auth.example"
SETTINGS: dict[str, Any] = {
    "secret": "a secret for tests which is long enough",
    "public_url": ISSUER,
    "limit_login_pair": "",
    "hash_memory_kib": 1024,
    "hash_time_cost": 1,
}


class Installation:
    """Two servers on one database; what a client does, it does at the first."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self._folder = folder
        self._settings = {**SETTINGS, "database_url": database_url}
        self.servers = [ForkedServer(folder, **self._settings) for _ in range(2)]
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
        log_file = self._folder / "commands.log"
        command = Forked(
            *arguments,
            folder=self._folder,
            environment={**os.environ, **ours},
            log_file=log_file,
            typed=typed,
        )
        assert command.wait(COMMAND_TIMEOUT) == 0, log_file.read_text()

    def post(self, path: str, body: dict[str, str]) -> httpx.Response:
        return self.clients[0].post(path, json=body)

    def log_in(self) -> dict[str, Any]:
        answer = self.post("/login", {"email": EMAIL, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, pair: dict[str, Any]) -> httpx.Response:
        return self.post("/refresh", {"refresh_token": pair["refresh_token"]})

    def log_out(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        assert self.clients[0].post("/logout", headers=headers).status_code == 204

    def statuses(self, token: str) -> list[int]:
        """What each server's /verify says."""
        headers = {"Authorization": f"Bearer {token}"}
        return [client.get("/verify", headers=headers).status_code for client in self.clients]
