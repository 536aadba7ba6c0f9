"""SQLite locked, read-only, full, gone: 503, nothing half done, and recovery by itself."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import event

from authapi.db.database import Database
from authapi.db.engines.sqlite import BUSY_SECONDS
from tests.faults.conftest import assert_unavailable, recovered
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.clock import TestClock
from tests.support.transports import Holder

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@pytest.fixture
def path(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Somebody else, a backup or a person with a shell, holds the write lock."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def with_pragma(db: Database, pragma: str) -> Iterator[None]:
    """Each connection runs `pragma` when a request takes it."""

    def run(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute(f"PRAGMA {pragma}")

    event.listen(db.engine, "checkout", run)
    yield
    event.remove(db.engine, "checkout", run)
    db.close()  # connections that come later do not know of it


def test_while_another_process_writes_writers_are_503_and_readers_are_not(
    api: Api, tokens: Tokens, path: Path
) -> None:
    with locked(path):
        assert_unavailable(lambda: api.refresh(tokens.refresh))
        api.expect(200, "GET", "/me", headers=tokens.bearer)
        assert api.verify(tokens) == 204
    recovered(lambda: api.refresh(tokens.refresh))


def test_a_crowd_at_the_log_in_does_not_queue_for_a_lock(
    make_api: Callable[..., Api], path: Path
) -> None:
    api = make_api(hash_concurrency=1, hash_queue=255)
    api.register()
    ask = partial(api.client.post, "/login", json={"email": EMAIL, "password": PASSWORD})
    with locked(path), ThreadPoolExecutor(10) as crowd:
        for answered in [crowd.submit(assert_unavailable, ask) for _ in range(10)]:
            answered.result()
    recovered(ask)


def test_a_use_that_is_to_be_written_down_waits_for_a_lock_once(
    api: Api, clock: TestClock, path: Path
) -> None:
    api.register()
    holder = Holder(api, "session").log_in()
    ask = partial(holder.send, "GET", "/verify")
    clock.advance(60)
    with locked(path):
        assert_unavailable(ask)
        began = monotonic()
        assert_unavailable(ask)
        assert monotonic() - began < BUSY_SECONDS / 2
    recovered(ask, 204)


def test_a_read_only_database_is_503_for_writers(api: Api, tokens: Tokens, db: Database) -> None:
    with with_pragma(db, "query_only = ON"):
        assert_unavailable(lambda: api.refresh(tokens.refresh))
        api.expect(200, "GET", "/me", headers=tokens.bearer)
    api.refreshed(tokens.refresh)


def test_a_full_disk_is_503_and_leaves_no_half_account(make_api: Callable[..., Api]) -> None:
    api = make_api(limit_register="")
    api.expect(200, "GET", "/readyz")
    with with_pragma(api.app.state.runtime.db, "max_page_count = 1"):
        for number in range(100):
            body = {"email": f"user{number}@example.com", "password": PASSWORD}
            if api.client.post("/register", json=body).status_code == 503:
                break
        assert_unavailable(lambda: api.client.post("/register", json=body))
    api.expect(201, "POST", "/register", json=body)


def test_a_database_that_was_removed_takes_no_more_writes(
    api: Api, tokens: Tokens, path: Path
) -> None:
    path.unlink()
    assert_unavailable(lambda: api.refresh(tokens.refresh))
    assert_unavailable(lambda: api.client.get("/me", headers=tokens.bearer))
    assert api.verify(tokens) == 204
    assert not path.exists()


def test_a_database_that_was_put_back_is_used_again(api: Api, tokens: Tokens, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = path.with_suffix(".copy")
    shutil.copy(path, copy)
    for part in path.parent.glob("authapi.db*"):
        part.unlink()
    api.client.get("/me", headers=tokens.bearer)
    copy.rename(path)
    recovered(lambda: api.client.get("/me", headers=tokens.bearer))
    api.refreshed(tokens.refresh)
