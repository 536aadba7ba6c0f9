"""PostgreSQL through psycopg 3, with a deadline on every wait.

A server that is frozen, or behind a broken network, never answers, and none of its own settings
helps then. So the client stops waiting.
"""

import select
import selectors
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from threading import Thread
from typing import Any

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Dialect, Engine, Select, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from authapi.db.engines import pooler

CONNECT_SECONDS = 1.4
ANSWER_SECONDS = 1.4
# A firewall or a NAT on the way forgets no connection, and a lost one is noticed in half a minute.
KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}

# The server gives up first: a request that was answered 503 must not be carried out later. A
# transaction that was left open ends within 5 s; the revocation feed relies on it.
SERVER_SETTINGS = (
    "-c statement_timeout=1200 -c lock_timeout=1200 -c idle_in_transaction_session_timeout=2000 "
    # A statement that waited for a row must see the row as it is now.
    r"-c default_transaction_isolation=read\ committed"
)


# Also a standby's answer, and that of a server whose disk is full.
ASK_WHETHER_IT_WRITES = (
    "SELECT NOT (pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean)"
)

# These need no descriptor: work goes on where a flood of connections has taken them all.
Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class NoAnswerError(psycopg.OperationalError):
    """The statement may have been lost, or may be carried out later."""


class OnlyReadsError(psycopg.OperationalError):
    """The server is a standby, or takes no writes for another reason."""


class BoundedConnection(psycopg.Connection[Any]):
    """A connection that is closed when an answer takes longer than `answer_seconds`.

    `set_up` is None, or behind a pooler the statement that each transaction begins with.
    """

    answer_seconds = ANSWER_SECONDS
    set_up: Select[tuple[str, ...]] | None = None

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        try:
            return super().wait(gen, interval, self.answer_seconds if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # its state is unknown; the pool replaces it
            raise NoAnswerError("the database did not answer in time") from error

    def accepts_writes(self) -> bool:
        """Ask the server, on a connection that is in autocommit."""
        row = self.execute(ASK_WHETHER_IT_WRITES, prepare=False).fetchone()
        return bool(row and row[0])

    def has_ended(self) -> bool:
        """Return whether the server has ended the connection. Nothing is sent."""
        try:
            while _is_readable(self.pgconn.socket):
                self.pgconn.consume_input()  # its last words, and then the end
        except psycopg.Error:
            return True
        return False


def _is_readable(socket: int) -> bool:
    if not hasattr(select, "poll"):
        return bool(select.select([socket], [], [], 0)[0])
    poll = select.poll()  # a fifth of a selector's cost, at each use of a connection
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


def connect_to_primary(args: Sequence[Any], settings: Mapping[str, Any]) -> BoundedConnection:
    """Return a connection in autocommit to a server that writes. Raises psycopg.Error."""
    many = {"target_session_attrs": "read-write"} if "," in str(settings.get("host", "")) else {}
    options = {**KEEPALIVES, **settings, **many, "connect_timeout": 2, "autocommit": True}
    connection = BoundedConnection.connect(*args, **options)
    try:
        if not connection.accepts_writes():
            raise OnlyReadsError("the server only reads: it is a standby, or became one")
    except psycopg.Error:
        connection.close()
        raise
    return connection


def connect(
    _dialect: Dialect, _record: ConnectionPoolEntry, args: list[Any], options: dict[str, Any]
) -> BoundedConnection:
    """Connect within CONNECT_SECONDS, or raise psycopg.OperationalError.

    libpq waits for at least two seconds, which is too long for a request. So the attempt runs on
    its own thread, which ends soon after we stopped waiting.
    """
    attempt: Future[BoundedConnection] = Future()

    server_settings = f"{SERVER_SETTINGS} {options.get('options', '')}"
    settings = {
        **options,
        "client_encoding": "utf8",  # whatever PGCLIENTENCODING says
        "application_name": options.get("application_name", "authapi"),
        "options": server_settings,
    }

    def run() -> None:
        try:
            connection = connect_to_primary(args, settings)
            _note_pooler(connection, server_settings)
        except psycopg.Error as error:
            attempt.set_exception(error)
        else:
            attempt.set_result(connection)

    Thread(target=run, name="authapi-connect", daemon=True).start()
    try:
        return attempt.result(CONNECT_SECONDS)
    except FutureTimeoutError as error:
        attempt.add_done_callback(close_late)
        raise NoAnswerError("the database did not answer in time") from error


def _note_pooler(connection: BoundedConnection, server_settings: str) -> None:
    """Let each transaction set what it needs, if a pooler is between. Raises psycopg.Error."""
    try:
        if pooler.is_between(connection):
            connection.set_up = pooler.for_one_transaction(server_settings)
            connection.prepare_threshold = None
    except psycopg.Error:
        connection.close()
        raise


def prepare(engine: Engine) -> None:
    """Behind a pooler, let each transaction begin with its settings."""

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        if (set_up := _set_up(connection)) is not None:
            connection.execute(set_up)


def is_pooled(connection: Connection) -> bool:
    """Return whether a pooler is between us and PostgreSQL."""
    return _set_up(connection) is not None


def _set_up(connection: Connection) -> Select[tuple[str, ...]] | None:
    return getattr(connection.connection.driver_connection, "set_up", None)


def close_late(attempt: Future[BoundedConnection]) -> None:
    if not attempt.exception():
        attempt.result().close()


def is_timeout(error: DBAPIError) -> bool:
    return isinstance(error.orig, NoAnswerError)


def may_pass(error: DBAPIError) -> bool:
    return isinstance(error.orig, psycopg.OperationalError | psycopg.InterfaceError)
