"""Waiting for another process's change: PostgreSQL's LISTEN, or on SQLite just for the time."""

from threading import Event
from time import monotonic
from typing import Any

import psycopg
from sqlalchemy import make_url

from authapi.db.revocations import CHANNEL

# How soon `hurry` is noticed on PostgreSQL, in seconds.
SLICE = 0.1


class Listener:
    """Belongs to one thread. A lost connection is made again at the next wait."""

    def __init__(self, database_url: str) -> None:
        url = make_url(database_url)
        self._url = None
        if url.get_backend_name() == "postgresql":
            plain = url.set(drivername="postgresql")
            self._url = plain.render_as_string(hide_password=False)
        self._connection: psycopg.Connection[Any] | None = None

    def wait(self, seconds: float, hurry: Event) -> None:
        """Return after a notification, after `seconds`, or when `hurry` is set."""
        ends_at = monotonic() + seconds
        try:
            if self._url and self._is_notified(self._connect(self._url), ends_at, hurry):
                return
        except psycopg.Error:
            self.close()
        hurry.wait(max(0.0, ends_at - monotonic()))

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _connect(self, url: str) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = psycopg.connect(url, autocommit=True, connect_timeout=2)
            connection.execute(f"LISTEN {CHANNEL}")
            self._connection = connection
        return self._connection

    @staticmethod
    def _is_notified(connection: psycopg.Connection[Any], ends_at: float, hurry: Event) -> bool:
        while not hurry.is_set() and (left := ends_at - monotonic()) > 0:
            for _ in connection.notifies(timeout=min(left, SLICE), stop_after=1):
                return True
        return False
