"""A circuit breaker: it refuses callers while the database answers nobody.

Without it a frozen database holds every thread for a whole time-out. A refused statement was never
sent, so a database that wakes up can't carry it out late.

  timed out, and nothing succeeded since                    the breaker
  a connection or a commit                                  opens: no statement is the cause
  one statement, or two, however often and for whomever     stays closed: it may be slow by itself
  ENOUGH_STATEMENTS different ones                          opens

While it is open, one caller every RETRY_SECONDS tries. Any success closes it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from time import monotonic

from sqlalchemy.exc import DBAPIError

from authapi.errors import Unavailable

RETRY_SECONDS = 0.5
ENOUGH_STATEMENTS = 3


class Breaker:
    """See the table. `is_timeout` says which errors are time-outs."""

    def __init__(self, is_timeout: Callable[[DBAPIError], bool]) -> None:
        self._is_timeout = is_timeout
        self._lock = Lock()
        self._retry_at: float | None = None  # closed
        self._timed_out: set[str] = set()  # statements without their values

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Run the block, or raise Unavailable while the breaker is open."""
        self._admit()
        try:
            yield
        except DBAPIError as error:
            if self._is_timeout(error):
                self._note(error.statement)
            raise
        if self._timed_out or self._retry_at is not None:
            self._close()

    def _admit(self) -> None:
        if self._retry_at is None:
            return
        with self._lock:
            if self._retry_at is not None:
                if monotonic() < self._retry_at:
                    raise Unavailable
                self._retry_at = monotonic() + RETRY_SECONDS

    def _note(self, statement: str | None) -> None:
        with self._lock:
            if statement is not None:
                self._timed_out.add(statement)
            if statement is None or len(self._timed_out) >= ENOUGH_STATEMENTS:
                self._retry_at = monotonic() + RETRY_SECONDS

    def _close(self) -> None:
        with self._lock:
            self._retry_at = None
            self._timed_out.clear()
