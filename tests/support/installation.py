"""An installation as in production: servers on one database, and the operator's command."""

import re
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import httpx

from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import Forked, ForkedServer
from tests.support.settings import SERVER, environment

COMMAND_TIMEOUT = 120.0  # seconds
ISSUER = "https://auth.example"
ADA = {"email": EMAIL, "password": PASSWORD}
STATEMENTS = r'^authapi_database_statements_total\{purpose="%s"\} (\S+)$'
STATEMENTS_A_POLL = 2  # without news: the clock, and what has changed


class Installation:
    """Servers on one database, and a client of each. The methods act at the first server."""

    def __init__(self, folder: Path, database_url: str, servers: int = 2) -> None:
        self._folder = folder
        self._settings = {**SERVER, "public_url": ISSUER, "database_url": database_url}
        self._stack = ExitStack()
        self.servers = [ForkedServer(folder, **self._settings) for _ in range(servers)]
        self.clients = [server.client() for server in self.servers]

    def __enter__(self) -> Self:
        with self._stack:
            for server, client in zip(self.servers, self.clients, strict=True):
                self._stack.enter_context(server)
                self._stack.enter_context(client)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def authapi(self, *arguments: str, typed: str = "") -> None:
        """Run an operator's command in a process of its own."""
        log_file = self._folder / "commands.log"
        command = Forked(
            *arguments,
            folder=self._folder,
            environment=environment(**self._settings),
            log_file=log_file,
            typed=typed,
        )
        assert command.wait(COMMAND_TIMEOUT) == 0, log_file.read_text()

    def post(self, path: str, body: dict[str, str]) -> httpx.Response:
        return self.clients[0].post(path, json=body)

    def register(self) -> None:
        assert self.post("/register", ADA).status_code == 201

    def log_in(self) -> dict[str, Any]:
        answer = self.post("/login", ADA)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, pair: dict[str, Any]) -> httpx.Response:
        return self.post("/refresh", {"refresh_token": pair["refresh_token"]})

    def log_out(self, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        assert self.clients[0].post("/logout", headers=headers).status_code == 204

    def verify(self, number: int, token: str) -> int:
        """Return the status of /verify at one of the servers."""
        headers = {"Authorization": f"Bearer {token}"}
        return self.clients[number].get("/verify", headers=headers).status_code

    def refuses(self, number: int, token: str) -> bool:
        return self.verify(number, token) == 401

    def statuses(self, token: str) -> list[int]:
        """Return the status of /verify at each server."""
        return [self.verify(number, token) for number in range(len(self.clients))]

    def statements(self, purpose: str = "request") -> list[float]:
        """Return how many statements each server has made, for requests by default."""
        pages = [client.get("/metrics").text for client in self.clients]
        return [float(re.findall(STATEMENTS % purpose, page, re.M)[0]) for page in pages]

    def polls(self, number: int) -> int:
        """Return how many polls one of the servers has made, or a few more if some had news."""
        return int(self.statements("poll")[number]) // STATEMENTS_A_POLL
