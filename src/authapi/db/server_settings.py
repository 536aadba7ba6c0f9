"""What the database server does with a commit."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

DURABILITY = ("synchronous_commit", "fsync")


def read_durability(connection: Connection) -> Mapping[str, str]:
    """Return PostgreSQL's settings that decide whether a commit stays; none for SQLite."""
    if connection.dialect.name != "postgresql":
        return {}
    return {
        name: connection.scalars(text("SELECT current_setting(:name)"), {"name": name}).one()
        for name in DURABILITY
    }
