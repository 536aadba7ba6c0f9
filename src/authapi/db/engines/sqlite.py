"""SQLite as authapi uses it: durable, with one writer at a time and readers beside it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Dialect, Engine, event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from authapi.clock import Clock
from authapi.logs import log

# A writer waits this long for another one; then the request is answered 503.
BUSY_SECONDS = 1.5
# After a wait in vain, the next ones wait no longer than a usual write takes.
SHORT_BUSY_SECONDS = 0.05
CONNECT_ARGS = {"timeout": BUSY_SECONDS}

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged revocation survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # what is deleted is overwritten with zeros
)

# An older state that somebody reads keeps the WAL from being emptied. A checkpoint stops writers,
# so it waits for no longer than this.
ERASURE_WAIT_SECONDS = 0.1
ERASURE_PAUSE_SECONDS = 1.0


class Erasure:
    """Empties the WAL, where erased rows still are, after the commit that erased them.

    If it can't be emptied then, a later commit tries again. Raises nothing: the commit stands.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._is_due = False
        self._try_at = 0.0

    def follow(self, *, has_erased: bool) -> None:
        """Do what is due after a commit."""
        if not has_erased and (not self._is_due or monotonic() < self._try_at):
            return
        with self._lock:  # so that nobody's older try counts for rows erased after it
            was_due, self._is_due = self._is_due, not _has_emptied_wal(self._path)
            self._try_at = monotonic() + ERASURE_PAUSE_SECONDS
        if self._is_due and not was_due:
            log.warning("erasure_waits")


def _has_emptied_wal(path: Path) -> bool:
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=ERASURE_WAIT_SECONDS
        )
        with closing(connection):
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        return False
    return not busy


class Patience:
    """How long a writer waits for the write lock. Nobody is refused while the lock is free.

    Once a writer has waited in vain, the next ones wait for SHORT_BUSY_SECONDS, or one slow write
    would hold every thread. Any success restores BUSY_SECONDS.
    """

    def __init__(self) -> None:
        self._is_short = False

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Run the block, which writes, and learn from its end."""
        try:
            yield
        except DBAPIError as error:
            if is_timeout(error):
                self._is_short = True
            raise
        self._is_short = False

    def set_timeout(self, connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        """Let a connection that a caller takes wait as long as it may now."""
        seconds = SHORT_BUSY_SECONDS if self._is_short else BUSY_SECONDS
        if record.info.get("busy", BUSY_SECONDS) != seconds:
            connection.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")
            record.info["busy"] = seconds


def prepare(engine: Engine, clock: Clock, patience: Patience) -> None:
    """Set up each new connection, and let each transaction begin with the write lock."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkout", _refuse_removed_file)

    @event.listens_for(engine, "checkout")
    def _taken(connection: sqlite3.Connection, record: ConnectionPoolEntry, _: object) -> None:
        patience.set_timeout(connection, record)

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.create_function("clock_timestamp", 0, clock)
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # A deferred transaction that reads first could fail at its first write, past any retry.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _connect(
    _dialect: Dialect, record: ConnectionPoolEntry, args: list[str], options: dict[str, Any]
) -> sqlite3.Connection:
    """Open an existing file. Only a migration makes one."""
    path = Path(args[0]).absolute()
    connection: sqlite3.Connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, **options
    )
    record.info["path"], record.info["file"] = path, _identity(path)
    return connection


def _refuse_removed_file(_: object, record: ConnectionPoolEntry, __: object) -> None:
    """Refuse to write into a file that was removed: nobody would find the data again."""
    if _identity(record.info["path"]) != record.info["file"]:
        raise DisconnectionError  # the pool connects anew


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def is_timeout(error: DBAPIError) -> bool:
    return _code(error) == sqlite3.SQLITE_BUSY


def may_pass(error: DBAPIError) -> bool:
    """Return whether the database is busy, read-only, full or gone."""
    return isinstance(error.orig, sqlite3.OperationalError) and _code(error) != sqlite3.SQLITE_ERROR


def _code(error: DBAPIError) -> int | None:
    return getattr(error.orig, "sqlite_errorcode", None)
