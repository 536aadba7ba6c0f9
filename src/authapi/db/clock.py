"""The database's time. Every moment that another process compares is read from it."""

from sqlalchemy import Connection, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Double


class db_now(FunctionElement[float]):  # noqa: N801 - it reads as the SQL function that it is
    """The database's wall clock in Unix seconds, read when the row is reached.

    Never the transaction's start: what waited for a lock must see the time after it.
    """

    type = Double()
    inherit_cache = True


@compiles(db_now, "postgresql")
def _postgresql_now(*_: object, **__: object) -> str:
    return "CAST(extract(epoch FROM clock_timestamp()) AS double precision)"


@compiles(db_now, "sqlite")
def _sqlite_now(*_: object, **__: object) -> str:
    return "clock_timestamp()"


def read_clock(connection: Connection) -> float:
    """Return the database's wall clock in Unix seconds."""
    return connection.scalars(select(db_now())).one()
