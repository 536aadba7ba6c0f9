"""What stands between this process and its first answer."""

from sqlalchemy import select

from authapi.db.engine import Database, db_now
from authapi.errors import Unavailable
from authapi.services.key_rotation import KeyRing


def what_is_not_ready(db: Database, ring: KeyRing) -> list[str]:
    """Names, for a person to read; empty when all is well."""
    missing = []
    try:
        with db.autocommit() as tx:
            tx.scalar(select(db_now()))
    except Unavailable:
        missing.append("database")
    if not ring.is_loaded:
        missing.append("signing keys")
    return missing
