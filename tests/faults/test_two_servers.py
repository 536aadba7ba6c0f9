"""Two real servers on one database: what one revokes, the other refuses, without a look-up."""

import statistics
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from tests.support.counted_polls import until_within_polls
from tests.support.installation import ADA, Installation
from tests.support.postgresql import PostgreSQL
from tests.support.until import until

AT_ONCE = 0.1  # median, on PostgreSQL
PAUSE = 0.01  # between two questions; without one, asking keeps a core busy
ROUNDS = 20


def known_after(two: Installation, token: str) -> float:
    """Log out at the first; return the seconds until the second refuses."""
    assert two.verify(1, token) == 204
    two.log_out(token)
    began = monotonic()
    until(lambda: two.verify(1, token) == 401, every=PAUSE)
    return monotonic() - began


def known_within_polls(two: Installation, token: str) -> None:
    """Log out at the first; fail unless the second refuses after its next polls."""
    assert two.verify(1, token) == 204
    two.log_out(token)
    until_within_polls(partial(two.refuses, 1, token), partial(two.polls, 1))


def new_token(two: Installation) -> str:
    return str(two.log_in()["access_token"])


@pytest.fixture(scope="module")
def database(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database() as name:
        yield name


@pytest.fixture(scope="module")
def two(
    postgresql: PostgreSQL, database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("two"), postgresql.url(database)) as two:
        two.register()
        yield two


def test_a_log_out_is_known_in_milliseconds(two: Installation) -> None:
    assert statistics.median(known_after(two, new_token(two)) for _ in range(ROUNDS)) < AT_ONCE


def test_no_verified_request_makes_a_statement(two: Installation) -> None:
    token = new_token(two)
    before = two.statements()[1]
    assert [two.verify(1, token) for _ in range(200)] == [204] * 200
    assert two.statements()[1] == before


def test_one_that_is_stopped_and_started_refuses_what_was_revoked_meanwhile(
    two: Installation,
) -> None:
    token, other = new_token(two), new_token(two)
    assert two.verify(1, token) == 204
    assert two.servers[1].stop() == 0
    two.log_out(token)
    two.servers[1].start()
    assert two.verify(1, token) == 401
    assert two.verify(1, other) == 204
    known_within_polls(two, other)


def test_without_notifications_a_log_out_is_known_within_a_poll(
    two: Installation, postgresql: PostgreSQL, database: str
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
    until(lambda: two.post("/login", ADA).status_code == 200, every=PAUSE)
    for _ in range(3):
        known_within_polls(two, new_token(two))


def test_on_sqlite_a_log_out_is_known_within_a_poll(tmp_path: Path) -> None:
    with Installation(tmp_path, "sqlite:///authapi.db") as two:
        two.register()
        for _ in range(3):
            known_within_polls(two, new_token(two))
