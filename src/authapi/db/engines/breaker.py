"""A circuit breaker: after a time-out, one caller every RETRY_SECONDS tries; others are refused.

Without it a frozen database holds every thread for a whole time-out. A refused statement was never
sent, so a database that wakes up can't carry it out late. The caller who tries does so on a new
connection, which a frozen database never completes.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from sqlalchemy.exc import DBAPIError

from authapi.errors import Unavailable

RETRY_SECONDS = 0.5  # seconds


class Breaker:
    """Opens at an error that `is_timeout` knows. Closes at any success."""

    def __init__(self, is_timeout: Callable[[DBAPIError], bool]) -> None:
        self._is_timeout = is_timeout
        self._lock = Lock()
        self._retry_at: float | None = None  # closed

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Run the block, or raise Unavailable while the breaker is open."""
        self._admit()
        try:
            yield
        except DBAPIError as error:
            if self._is_timeout(error):
                self._retry_at = monotonic() + RETRY_SECONDS
            raise
        self._retry_at = None

    def _admit(self) -> None:
        if self._retry_at is None:
            return
        with self._lock:
            if self._retry_at is not None:
                if monotonic() < self._retry_at:
                    raise Unavailable
                self._retry_at = monotonic() + RETRY_SECONDS
