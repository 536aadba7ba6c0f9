"""SQLite as authapi uses it: durable, with one writer at a time and readers beside it."""

import sqlite3

from sqlalchemy import Connection, Engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from authapi.clock import Clock

# How long a writer waits for another one before the request is answered 503.
BUSY_TIMEOUT = 1.5
CONNECT_ARGS = {"timeout": BUSY_TIMEOUT}

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # an acknowledged revocation survives a power cut
    "PRAGMA foreign_keys = ON",
)


def prepare(engine: Engine, clock: Clock) -> None:
    """Set each new connection up, and let each transaction begin by taking the write lock."""

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
        connection.create_function("clock_timestamp", 0, clock)
        for pragma in PRAGMAS:
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        # Deferred, a transaction that reads first could fail at its first write, past any retry.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
