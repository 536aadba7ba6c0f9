"""All rows of the tables that requests change, to test that one has changed nothing."""

from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import Model

SENT_MEANWHILE = frozenset({"links", "outbox"})  # a thread sends the mails of before


def contents(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in Model.metadata.tables.items()
            if name not in SENT_MEANWHILE
        }
