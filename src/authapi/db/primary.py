"""Whether the server that answers takes writes. Only a primary knows the newest state.

A standby lags, and a server that was a primary may have become one.
"""

from typing import NoReturn

from sqlalchemy import Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

from authapi.db.clock import db_now
from authapi.errors import Unavailable
from authapi.logs import log


class db_takes_writes(FunctionElement[bool]):  # noqa: N801 - it reads as an SQL function
    """Whether the server takes writes now."""

    type = Boolean()
    inherit_cache = True


@compiles(db_takes_writes, "postgresql")
def _postgresql_takes_writes(*_: object, **__: object) -> str:
    return "NOT (pg_is_in_recovery() OR CAST(current_setting('transaction_read_only') AS boolean))"


@compiles(db_takes_writes, "sqlite")
def _sqlite_takes_writes(*_: object, **__: object) -> str:
    return "1 = 1"


def read_primary_clock(connection: Connection) -> float:
    """Return the wall clock of a primary in Unix seconds. Raises Unavailable for a standby."""
    now = connection.scalars(select(db_now()).where(db_takes_writes())).one_or_none()
    if now is None:
        refuse(connection)
    return now


def refuse(connection: Connection) -> NoReturn:
    """Drop the connections of the pool: the next one may lead to the primary."""
    log.warning("database_unavailable", reason="the server only reads")
    connection.invalidate()
    connection.engine.dispose()
    raise Unavailable
