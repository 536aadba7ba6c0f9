"""All rows of the tables that requests change, to test that one has changed nothing."""

from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import Model

# A thread sends the mails of before, and another tells each minute that the process is there.
BY_THREADS = frozenset({"links", "outbox", "processes"})


def contents(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in Model.metadata.tables.items()
            if name not in BY_THREADS
        }
