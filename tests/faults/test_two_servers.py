"""Two real servers on one database: what one revokes, the other refuses, without a look-up."""

import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any, Self

import httpx
import psycopg
import pytest

from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import ForkedServer
from tests.support.postgresql import PostgreSQL
from tests.support.until import until

ADA = {"email": EMAIL, "password": PASSWORD}
SETTINGS: dict[str, Any] = {
    "secret": "a secret for tests which is long enough",
    "public_url": "http://localhost:8000",
    "limit_login_pair": "",
    "hash_memory_kib": 1024,
    "hash_time_cost": 1,
}
WITHIN_A_POLL = 1.5  # seconds, at the default of 1
AT_ONCE = 0.1  # median, on PostgreSQL
PAUSE = 0.01  # between two questions; without one, asking keeps a core busy
ROUNDS = 20
STATEMENTS = re.compile(r'^authapi_database_statements_total\{purpose="request"\} (\S+)$', re.M)


class Two:
    """Servers and a client of each; entering starts them, leaving ends them."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.servers = [
            ForkedServer(folder, database_url=database_url, **SETTINGS) for _ in range(2)
        ]
        self.clients = [server.client() for server in self.servers]

    def __enter__(self) -> Self:
        for server in self.servers:
            server.start()
        self.register()
        return self

    def __exit__(self, *_: object) -> None:
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.kill()

    def register(self) -> None:
        assert self.clients[0].post("/register", json=ADA).status_code == 201

    def log_in(self) -> dict[str, str]:
        answer = self.clients[0].post("/login", json=ADA)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    def known_after(self, bearer: dict[str, str]) -> float:
        """Log out at the first; how many seconds until the second refuses."""
        assert self.verify(1, bearer) == httpx.codes.NO_CONTENT
        assert self.clients[0].post("/logout", headers=bearer).status_code == 204
        began = monotonic()
        until(lambda: self.verify(1, bearer) == httpx.codes.UNAUTHORIZED, every=PAUSE)
        return monotonic() - began

    def usually_known_after(self, rounds: int = 3) -> float:
        """The median."""
        return statistics.median(self.known_after(self.log_in()) for _ in range(rounds))

    def verify(self, number: int, bearer: dict[str, str]) -> int:
        return self.clients[number].get("/verify", headers=bearer).status_code

    def statements(self, number: int) -> float:
        [count] = STATEMENTS.findall(self.clients[number].get("/metrics").text)
        return float(count)


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database() as name:
        yield name


@pytest.fixture(scope="module")
def two(
    postgresql: PostgreSQL, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Two]:
    with Two(tmp_path_factory.mktemp("two"), postgresql.url(database)) as two:
        yield two


def test_a_log_out_is_known_in_milliseconds(two: Two) -> None:
    assert two.usually_known_after(ROUNDS) < AT_ONCE


def test_no_verified_request_makes_a_statement(two: Two) -> None:
    bearer = two.log_in()
    before = two.statements(1)
    assert [two.verify(1, bearer) for _ in range(200)] == [204] * 200
    assert two.statements(1) == before


def test_one_that_is_stopped_and_started_refuses_what_was_revoked_meanwhile(two: Two) -> None:
    bearer, other = two.log_in(), two.log_in()
    assert two.verify(1, bearer) == 204
    assert two.servers[1].stop() == 0
    assert two.clients[0].post("/logout", headers=bearer).status_code == 204
    two.servers[1].start()
    assert two.verify(1, bearer) == 401
    assert two.verify(1, other) == 204
    assert two.known_after(other) < WITHIN_A_POLL


def test_without_notifications_a_log_out_is_known_within_a_poll(
    two: Two, postgresql: PostgreSQL, database: str
) -> None:
    with psycopg.connect(postgresql.url(database), autocommit=True) as connection:
        # What answers first in the search path is what the servers call.
        connection.execute("CREATE SCHEMA IF NOT EXISTS silent")
        connection.execute(
            "CREATE FUNCTION silent.pg_notify(text, text) RETURNS void LANGUAGE sql AS ''"
        )
        connection.execute(
            f"ALTER DATABASE {database} SET search_path = silent, pg_catalog, public"
        )
        ours = connection.info.backend_pid
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> %s",
            [ours],
        )
    until(lambda: two.clients[0].post("/login", json=ADA).status_code == 200, every=PAUSE)
    assert two.usually_known_after() < WITHIN_A_POLL


def test_on_sqlite_a_log_out_is_known_within_a_poll(tmp_path: Path) -> None:
    with Two(tmp_path, "sqlite:///authapi.db") as two:
        assert two.usually_known_after() < WITHIN_A_POLL
