"""Prepares the database, the keys and the templates of mails before the first request."""

from authapi.config import Settings
from authapi.db import migrations
from authapi.db.database import Database
from authapi.errors import OperatorError
from authapi.logs import log
from authapi.services.keys.ring import KeyRing
from authapi.services.keys.rotation import prepare_signing_keys


def prepare(db: Database, settings: Settings, ring: KeyRing) -> None:
    """Require working templates and the newest schema, and load the keys. Raises OperatorError.

    Several processes may call it at the same moment, and again after it failed.
    """
    if settings.mail_templates:
        from authapi.services.mail.writing import require_working_templates  # and Jinja

        require_working_templates(settings)
    require_schema(db, settings)
    prepare_signing_keys(db, settings, ring)


def require_schema(db: Database, settings: Settings) -> None:
    """Migrate SQLite. Raises OperatorError for a PostgreSQL that is behind, or can't be ours."""
    if not migrations.missing(db):
        return
    if settings.database_file is None:
        raise OperatorError("The database schema is behind this release: run `authapi migrate`.")
    migrations.upgrade(settings.database_url)
    log.info("database_migrated", database=settings.database_url_masked)
