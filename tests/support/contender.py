"""A call on its own thread that waits for a lock that the test holds."""

from collections.abc import Callable
from threading import Event, Thread, current_thread
from time import monotonic
from typing import Generic, TypeVar

from sqlalchemy import event, text

from authapi.db.database import Database

WAIT_AT_MOST = 1.0  # seconds; the servers give up on a lock soon after
WAITING = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND wait_event_type = 'Lock'"
)


T = TypeVar("T")


class Contender(Generic[T]):
    """A call that has to wait.

    Make it, take the lock, let it `run_into_the_lock`, release the lock, ask for its `result`.
    """

    def __init__(self, db: Database, call: Callable[[], T]) -> None:
        self._db, self._call = db, call
        self._about_to_write = Event()
        self._thread = Thread(target=self._run)
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run_into_the_lock(self) -> None:
        """Start the call, and return as soon as it waits for the lock.

        PostgreSQL says when that is. In SQLite the test holds the only write lock, so the call
        waits from its first statement that writes.
        """
        if self._db.engine.dialect.name == "sqlite":
            event.listen(self._db.engine, "before_cursor_execute", self._look)
            self._thread.start()
            assert self._about_to_write.wait(WAIT_AT_MOST), "it never wrote"
        else:
            self._start_until_postgresql_says_so()
        assert self._thread.is_alive(), "it did not wait"

    def result(self) -> T:
        """Wait for the call; return its result or raise its error."""
        self._thread.join()
        if self._error:
            raise self._error
        return self._results[0]

    def _start_until_postgresql_says_so(self) -> None:
        before = self._waiting()
        self._thread.start()
        deadline = monotonic() + WAIT_AT_MOST
        while self._waiting() == before:
            assert monotonic() < deadline, "it does not wait"

    def _waiting(self) -> int:
        # On a connection of its own each time: within a transaction the answer never changes.
        with self._db.connect() as connection:
            return int(connection.scalars(WAITING).one())

    def _run(self) -> None:
        try:
            self._results.append(self._call())
        except BaseException as error:  # noqa: BLE001 - raised again by result()
            self._error = error

    def _look(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if current_thread() is self._thread and not statement.startswith("SELECT"):
            self._about_to_write.set()
