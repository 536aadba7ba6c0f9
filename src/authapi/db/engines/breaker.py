"""Refuses at once what would only wait: after a time-out, one caller every RETRY_AFTER tries.

Without it a frozen database holds every thread for a whole time-out, and whoever is queued behind
them for several. What is refused here was never sent, so a database that wakes up can't carry it
out late; and whoever tries does it on a new connection, which a frozen database never completes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from sqlalchemy.exc import DBAPIError

from authapi.errors import Unavailable

RETRY_AFTER = 0.5  # seconds


class Breaker:
    """Opened by an error that `is_timeout` knows, closed by anybody's success."""

    def __init__(self, is_timeout: Callable[[DBAPIError], bool]) -> None:
        self._is_timeout = is_timeout
        self._lock = Lock()
        self._retry_at: float | None = None  # closed

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Raises Unavailable instead of entering the block, while it is open."""
        self._admit()
        try:
            yield
        except DBAPIError as error:
            if self._is_timeout(error):
                self._retry_at = monotonic() + RETRY_AFTER
            raise
        self._retry_at = None

    def _admit(self) -> None:
        if self._retry_at is None:
            return
        with self._lock:
            if self._retry_at is not None:
                if monotonic() < self._retry_at:
                    raise Unavailable
                self._retry_at = monotonic() + RETRY_AFTER
