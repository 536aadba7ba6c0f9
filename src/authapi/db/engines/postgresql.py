"""PostgreSQL through psycopg 3, with a deadline on every wait.

A server that is frozen, or behind a broken network, never answers, and none of its own settings
helps then. So the client stops waiting.
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

CONNECT_SECONDS = 1.4
ANSWER_SECONDS = 1.4

# The server gives up first: a request that was answered 503 must not be carried out later. A
# transaction that was left open ends within 5 s; the revocation feed relies on it.
SERVER_SETTINGS = (
    "-c statement_timeout=1200 -c lock_timeout=1200 -c idle_in_transaction_session_timeout=2000 "
    # A statement that waited for a row must see the row as it is now.
    r"-c default_transaction_isolation=read\ committed"
)


class NoAnswerError(psycopg.OperationalError):
    """The statement may have been lost, or may be carried out later."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes longer than ANSWER_SECONDS."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, ANSWER_SECONDS if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # its state is unknown; the pool replaces it
            raise NoAnswerError("the database did not answer in time") from error


def connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
) -> BoundedConnection:
    """Connect within CONNECT_SECONDS, or raise psycopg.OperationalError.

    libpq waits for at least two seconds, which is too long for a request. So the attempt runs on
    its own thread, which ends soon after we stopped waiting.
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
        return attempt.result(CONNECT_SECONDS)
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
