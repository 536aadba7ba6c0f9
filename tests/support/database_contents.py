"""All rows of all tables, to test that a request has changed nothing."""

from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import Model


def contents(db: Database) -> dict[str, list[tuple[object, ...]]]:
    with db.connect() as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in Model.metadata.tables.items()
        }
