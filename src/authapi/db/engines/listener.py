"""Waits for another process's change: by LISTEN on PostgreSQL, by time alone on SQLite."""

import selectors
from threading import Event
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import URL, make_url

from authapi.db.engines import pooler
from authapi.db.engines.postgresql import BoundedConnection, Selector, connect_to_primary
from authapi.db.revocations import CHANNEL
from authapi.logs import log

# How soon `hurry` is noticed on PostgreSQL.
SLICE_SECONDS = 0.1


class PoolerError(psycopg.Error):
    """Nobody can listen here."""


class Listener:
    """For one thread. The next wait replaces a lost connection."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url)
        self._can_listen = self._url.get_backend_name() == "postgresql"
        self._connection: psycopg.Connection[Any] | None = None
        self._has_failed = False

    def wait(self, seconds: float, hurry: Event) -> None:
        """Return at a notification (or if one may be lost), after `seconds`, or by `hurry`."""
        ends_at = monotonic() + seconds
        if self._can_listen and self._is_notified(ends_at, hurry):
            return
        hurry.wait(max(0.0, ends_at - monotonic()))

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _is_notified(self, ends_at: float, hurry: Event) -> bool:
        had_one = self._connection is not None
        try:
            connection = self._connection = self._connection or _listening(self._url)
            self._has_failed = False
            return _is_told(connection, ends_at, hurry)
        except PoolerError as error:
            log.warning("not_listening", reason=str(error))
            self._can_listen = False
            return False
        except (psycopg.Error, OSError) as error:
            if not self._has_failed:
                log.warning("not_listening", reason=repr(error))
            self._has_failed = True
            self.close()
            return had_one  # notifications since it broke are lost


def _is_told(connection: psycopg.Connection[Any], ends_at: float, hurry: Event) -> bool:
    # Wait here, not in psycopg: that took 10 ms of CPU a second, this takes 1.
    with Selector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        has_come = True  # perhaps with the answer to LISTEN
        while not hurry.is_set() and (left := ends_at - monotonic()) > 0:
            if has_come:
                for _ in connection.notifies(timeout=0, stop_after=1):
                    return True
            has_come = bool(selector.select(min(left, SLICE_SECONDS)))
    return False


def _listening(url: URL) -> BoundedConnection:
    # SQLAlchemy reads the address, as it does for every other connection.
    args, options = url.get_dialect()().create_connect_args(url)
    connection = connect_to_primary(args, options)
    try:
        if pooler.is_between(connection):
            raise PoolerError("a pooler is between; the poll alone tells of log-outs")
        connection.execute(f"LISTEN {CHANNEL}")
    except psycopg.Error:
        connection.close()
        raise
    return connection
