"""Runs migrations on a connection given by authapi.db.migrations, or opened here for `alembic`."""

from alembic import context
from sqlalchemy import Connection

from authapi.db.migrations import VERSION_TABLE, exclusive
from authapi.db.models import Model


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        version_table=VERSION_TABLE,
        render_as_batch=True,  # SQLite alters a table by making it anew
        compare_type=True,
    )
    context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from authapi.config import load_settings
    from authapi.config.secret_file import load_or_create

    settings = load_settings()
    if settings.database_file:
        load_or_create(settings)  # `serve` takes no SQLite file without its secret
    with exclusive(settings.database_url) as connection:
        run(connection)
