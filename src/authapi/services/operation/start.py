"""What has to be true of the database before the first request is answered."""

import structlog

from authapi.config import Settings
from authapi.db import migrations
from authapi.db.database import Database
from authapi.errors import OperatorError
from authapi.services.keys.ring import KeyRing
from authapi.services.keys.rotation import prepare_signing_keys

log = structlog.get_logger()


class SchemaBehindError(OperatorError):
    def __init__(self) -> None:
        super().__init__("The database schema is behind this release: run `authapi migrate`.")


def prepare(db: Database, settings: Settings, ring: KeyRing) -> None:
    """Bring SQLite to the newest migration, demand it of PostgreSQL, and load the keys.

    May be run by several processes at the same moment, and again after it failed.
    Raises OperatorError for what only a person can mend, Unavailable for what may pass.
    """
    require_schema(db, settings)
    prepare_signing_keys(db, settings, ring)


def require_schema(db: Database, settings: Settings) -> None:
    """Migrate SQLite. Raises SchemaBehindError for a PostgreSQL that is behind, Unavailable."""
    if not migrations.missing(db):
        return
    if settings.database_file is None:
        raise SchemaBehindError
    migrations.upgrade(settings.database_url)
    log.info("database_migrated", database=settings.database_url_masked)
