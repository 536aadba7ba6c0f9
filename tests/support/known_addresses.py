"""What the table `known_addresses` holds."""

from collections.abc import Sequence

from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.models import KnownAddress


def known_digests(db: Database) -> Sequence[str]:
    with db.connect() as connection:
        return connection.scalars(select(KnownAddress.digest)).all()
