"""The kind: what one caller makes slow, and everybody else is refused for."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from time import monotonic

import pytest

from authapi.db.database import Database
from authapi.db.engines.breaker import ENOUGH_STATEMENTS
from authapi.errors import Unavailable
from tests.support.api import Api, Tokens
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.together import together

SLOW = 2.0  # seconds; more than a client waits for an answer
AT_ONCE = 0.5


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def time_out(db: Database, name: str) -> None:
    """Run a slow statement. Statements of one name are one statement with other values."""
    with suppress(Unavailable), db.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")
        connection.exec_driver_sql(f"SELECT pg_sleep(%s) AS {name}", (SLOW,))
        pytest.fail("it was answered in time")


def time_out_at_once(db: Database, *names: str) -> None:
    together(*[partial(time_out, db, name) for name in names])


@postgresql_only
def test_one_users_slow_query_refuses_nobody_else(api: Api, tokens: Tokens, db: Database) -> None:
    time_out_at_once(db, *["sessions"] * 4)
    api.expect(200, "GET", "/me", headers=tokens.bearer)
    api.refreshed(tokens.refresh)


@postgresql_only
def test_two_kinds_of_slow_queries_refuse_nobody_else(
    api: Api, tokens: Tokens, db: Database
) -> None:
    time_out_at_once(db, "sessions", "exports")
    api.expect(200, "GET", "/me", headers=tokens.bearer)


@postgresql_only
def test_a_success_between_them_says_that_the_database_answers(
    api: Api, tokens: Tokens, db: Database
) -> None:
    time_out_at_once(db, "a", "b")
    api.expect(200, "GET", "/me", headers=tokens.bearer)
    time_out_at_once(db, "c", "d")
    api.expect(200, "GET", "/me", headers=tokens.bearer)


@postgresql_only
def test_a_database_that_answers_no_statement_is_left_alone(
    api: Api, tokens: Tokens, db: Database
) -> None:
    time_out_at_once(db, *"abcd"[:ENOUGH_STATEMENTS])
    before = db.statements.count
    api.expect(503, "GET", "/me", headers=tokens.bearer)
    assert db.statements.count == before


@contextmanager
def slow_write(path: Path) -> Iterator[None]:
    """Hold SQLite's write lock during the block, as a long transaction of another process does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@sqlite_only
def test_after_a_slow_write_the_next_one_is_not_refused(
    api: Api, tokens: Tokens, tmp_path: Path
) -> None:
    with slow_write(tmp_path / "authapi.db"):
        assert api.refresh(tokens.refresh).status_code == 503
    api.refreshed(tokens.refresh)


@sqlite_only
def test_during_a_slow_write_only_the_first_to_come_waits_for_long(
    api: Api, tokens: Tokens, tmp_path: Path
) -> None:
    with slow_write(tmp_path / "authapi.db"):
        api.refresh(tokens.refresh)
        began = monotonic()
        assert api.refresh(tokens.refresh).status_code == 503
        assert monotonic() - began < AT_ONCE


@sqlite_only
def test_after_a_success_a_writer_is_patient_again(
    api: Api, tokens: Tokens, tmp_path: Path
) -> None:
    with slow_write(tmp_path / "authapi.db"):
        api.refresh(tokens.refresh)
    successor = api.refreshed(tokens.refresh)
    with ThreadPoolExecutor(1) as other:
        with slow_write(tmp_path / "authapi.db"):
            waiting = other.submit(api.refresh, successor.refresh)
            assert wait([waiting], AT_ONCE).not_done
        assert waiting.result().status_code == 200
