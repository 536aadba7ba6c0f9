"""Drops connections to PostgreSQL that lead nowhere, or to a server that only reads.

After a switch-over an address may lead to a standby. A server ends connections that are idle, and
a firewall on the way forgets them.
"""

from time import monotonic

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext
from sqlalchemy.exc import DisconnectionError, InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from authapi.db.engines.hosts import Hosts
from authapi.db.engines.postgresql import ANSWER_SECONDS, BoundedConnection

# A connection that was idle for so long is asked before its use, and answers in this time.
LULL_SECONDS = 5.0
LULL_ANSWER_SECONDS = 0.4
# This server can't serve us, whatever we send: another one may, or this one later.
LOST = {
    "25006",  # it only reads: it became a standby
    "57P01",  # it ends connections
    "57P02",
    "57P03",  # it starts, or stops
    "57P04",  # the database was dropped
    "57P05",
}
CONNECTION_LOST = "08"  # the class


def follow_primary(engine: Engine) -> None:
    """Connect to the server that takes writes, and drop connections that lead elsewhere."""
    event.listen(engine, "do_connect", Hosts().connect)
    event.listen(engine, "checkin", _note_use)
    event.listen(engine, "checkout", _refuse_lost)
    event.listen(engine, "handle_error", _drop_all)


def _note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = monotonic()


def _refuse_lost(connection: BoundedConnection, record: ConnectionPoolEntry, _: object) -> None:
    """Raise DisconnectionError for a lost connection, so that the pool makes another one.

    Nothing of the caller's was sent, so nothing can be carried out twice.
    """
    if connection.has_ended():
        raise DisconnectionError
    if monotonic() - record.info.get("used_at", monotonic()) < LULL_SECONDS:
        return
    connection.answer_seconds = LULL_ANSWER_SECONDS
    try:
        accepts_writes = connection.accepts_writes()
    except psycopg.Error as error:
        raise InvalidatePoolError from error  # the others have been idle as long
    if not accepts_writes:
        raise InvalidatePoolError
    connection.answer_seconds = ANSWER_SECONDS


def _drop_all(context: ExceptionContext) -> None:
    """Let SQLAlchemy drop all connections of the pool if one has led to the wrong place.

    One whose answers can't be told apart is dropped alone.
    """
    state = getattr(context.original_exception, "sqlstate", None) or ""
    if state in LOST or state.startswith(CONNECTION_LOST):
        context.is_disconnect = True
    elif _is_out_of_step(context.original_exception):
        context.is_disconnect, context.invalidate_pool_on_disconnect = True, False


def _is_out_of_step(error: BaseException | None) -> bool:
    """Return whether the driver got answers that it had not asked for: PgBouncer can send them.

    psycopg tells it as an InternalError of its own, which has no SQLSTATE.
    """
    return isinstance(error, psycopg.InternalError) and error.sqlstate is None
