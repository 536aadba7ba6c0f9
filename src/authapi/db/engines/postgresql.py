"""PostgreSQL through psycopg 3, with a bound on every wait.

A server that refuses answers at once. One that is frozen, or behind a broken network, answers
never, and no setting of the server can help then: so the waiting itself has a deadline.
"""

from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

CONNECT_TIMEOUT = 1.4
ANSWER_TIMEOUT = 1.4

# The server gives up first, so that nothing that was answered 503 is carried out later; and what
# was left open ends within 5 s, which the revocation feed relies on (contract section 3).
SERVER_SETTINGS = (
    "-c statement_timeout=1200 -c lock_timeout=1200 -c idle_in_transaction_session_timeout=2000 "
    # What waited for a row must see it as it is now, whatever the server's default is.
    r"-c default_transaction_isolation=read\ committed"
)


class NoAnswerError(psycopg.OperationalError):
    """Nothing was heard: the statement may have been lost, or be carried out later."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes longer than ANSWER_TIMEOUT."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, ANSWER_TIMEOUT if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # its state is unknown: the pool replaces it
            raise NoAnswerError("the database did not answer in time") from error


def connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
) -> BoundedConnection:
    """Connect within CONNECT_TIMEOUT (seconds), or raise psycopg.OperationalError.

    libpq waits for at least two seconds, which is longer than a request may take: so the
    attempt runs on a thread of its own, which ends by itself soon after we stopped waiting.
    """
    attempt: Future[BoundedConnection] = Future()

    settings = {
        **options,
        "connect_timeout": 2,
        "application_name": options.get("application_name", "authapi"),
        "options": f"{SERVER_SETTINGS} {options.get('options', '')}",
    }

    def run() -> None:
        try:
            connection = BoundedConnection.connect(*args, **settings)
        except psycopg.Error as error:
            attempt.set_exception(error)
        else:
            attempt.set_result(connection)

    Thread(target=run, name="authapi-connect", daemon=True).start()
    try:
        return attempt.result(CONNECT_TIMEOUT)
    except FutureTimeoutError as error:
        attempt.add_done_callback(_close_late)
        raise NoAnswerError("the database did not answer in time") from error


def _close_late(attempt: Future[BoundedConnection]) -> None:
    if not attempt.exception():
        attempt.result().close()


def is_timeout(error: DBAPIError) -> bool:
    return isinstance(error.orig, NoAnswerError)


def may_pass(error: DBAPIError) -> bool:
    # The last one: after a failover, while the new primary still is a standby.
    passing = (
        psycopg.OperationalError,
        psycopg.InterfaceError,
        psycopg.errors.ReadOnlySqlTransaction,
    )
    return isinstance(error.orig, passing)
