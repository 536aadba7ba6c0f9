"""What the database server is set to: what becomes of a commit, and how many may connect."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from authapi.db.engines.postgresql import is_pooled

DURABILITY = ("synchronous_commit", "fsync")
# -1: no limit of the role's own, or of the database's. PostgreSQL 16 reserves for two kinds.
FREE_FOR_US = """
SELECT least(
    current_setting('max_connections')::int
    - current_setting('superuser_reserved_connections')::int
    - coalesce(current_setting('reserved_connections', true)::int, 0),
    (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user),
    (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
)
"""


def read_durability(connection: Connection) -> Mapping[str, str]:
    """Return PostgreSQL's settings that decide whether a commit stays; none for SQLite."""
    if connection.dialect.name != "postgresql":
        return {}
    return {
        name: connection.scalars(text("SELECT current_setting(:name)"), {"name": name}).one()
        for name in DURABILITY
    }


def read_most_connections(connection: Connection) -> int | None:
    """Return how many connections PostgreSQL allows this role: to all processes together.

    None for SQLite, and behind a pooler: that has connections of its own.
    """
    if connection.dialect.name != "postgresql" or is_pooled(connection):
        return None
    return int(connection.scalars(text(FREE_FOR_US)).one())
