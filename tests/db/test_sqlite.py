"""SQLite as every connection of ours has it."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from authapi.db.database import Database
from authapi.errors import Unavailable

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

PRAGMAS: dict[str, object] = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "busy_timeout": 1500,
    "secure_delete": 1,
}


@pytest.mark.parametrize(("pragma", "value"), PRAGMAS.items())
def test_each_connection_is_set_up(db: Database, pragma: str, value: object) -> None:
    with db.connect() as first, db.connect() as second:
        for tx in (first, second):
            assert tx.scalar(text(f"PRAGMA {pragma}")) == value


def test_a_transaction_holds_the_write_lock_from_its_first_statement(
    db: Database, tmp_path: Path
) -> None:
    with db.begin() as tx, closing(sqlite3.connect(tmp_path / "authapi.db", timeout=0)) as other:
        tx.execute(text("SELECT 1"))
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")


def test_readers_go_on_beside_a_writer(db: Database) -> None:
    with db.begin() as writer, db.connect() as reader:
        writer.execute(text("UPDATE users SET scopes = scopes"))
        assert reader.scalar(text("SELECT count(*) FROM users")) == 0


def test_a_second_writer_waits_no_longer_than_a_request_may(db: Database) -> None:
    with db.begin() as first:
        first.execute(text("SELECT 1"))
        with pytest.raises(Unavailable), db.begin() as second:
            second.execute(text("SELECT 1"))


def test_a_raise_undoes_the_transaction(db: Database) -> None:
    with suppress(ZeroDivisionError), db.begin() as tx:
        tx.execute(text("CREATE TABLE extra (one integer)"))
        _ = 1 / 0
    with db.connect() as tx:
        assert tx.scalar(text("SELECT count(*) FROM sqlite_master WHERE name = 'extra'")) == 0


def test_opening_never_makes_a_file(db: Database, tmp_path: Path) -> None:
    db.close()
    (tmp_path / "authapi.db").unlink()
    with pytest.raises(Unavailable), db.connect() as tx:
        tx.execute(text("SELECT 1"))
    assert not (tmp_path / "authapi.db").exists()
