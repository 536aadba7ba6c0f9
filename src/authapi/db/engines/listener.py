"""Waiting for another process's change: PostgreSQL's LISTEN, or on SQLite just for the time."""

import selectors
from threading import Event
from time import monotonic
from typing import Any

import psycopg
import structlog
from sqlalchemy import URL, make_url

from authapi.db.engines.postgresql import BoundedConnection
from authapi.db.revocations import CHANNEL

log = structlog.get_logger()

# Without a descriptor of its own: where a flood of connections takes them all, the poll goes on.
Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)

# How soon `hurry` is noticed on PostgreSQL, in seconds.
SLICE = 0.1


class Listener:
    """Belongs to one thread. A lost connection is made again at the next wait."""

    def __init__(self, database_url: str) -> None:
        self._url = make_url(database_url)
        self._can_listen = self._url.get_backend_name() == "postgresql"
        self._connection: psycopg.Connection[Any] | None = None
        self._has_failed = False

    def wait(self, seconds: float, hurry: Event) -> None:
        """Return after a notification, when one may be lost, after `seconds`, or by `hurry`."""
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
        except (psycopg.Error, OSError) as error:
            if not self._has_failed:
                log.warning("not_listening", reason=repr(error))
            self._has_failed = True
            self.close()
            return had_one  # what was sent since it broke is lost


def _is_told(connection: psycopg.Connection[Any], ends_at: float, hurry: Event) -> bool:
    # psycopg is asked once something has come: to let it wait for each slice took 10 ms of CPU
    # a second, to wait here takes 1.
    with Selector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        has_come = True  # perhaps with the answer to LISTEN
        while not hurry.is_set() and (left := ends_at - monotonic()) > 0:
            if has_come:
                for _ in connection.notifies(timeout=0, stop_after=1):
                    return True
            has_come = bool(selector.select(min(left, SLICE)))
    return False


def _listening(url: URL) -> psycopg.Connection[Any]:
    # By SQLAlchemy's own reading of the address, as every other connection is made.
    args, options = url.get_dialect()().create_connect_args(url)
    # One that a router dropped without a word is found out in half a minute, not in hours.
    keepalive = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
    settings = {**options, **keepalive, "connect_timeout": 2, "autocommit": True}
    connection = BoundedConnection.connect(*args, **settings)
    try:
        connection.execute(f"LISTEN {CHANNEL}")
    except psycopg.Error:
        connection.close()
        raise
    return connection
