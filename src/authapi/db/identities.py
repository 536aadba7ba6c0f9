"""The table `identities`: accounts at other providers, each the secret part of a factor."""

from dataclasses import fields

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from authapi.db.database import Transaction
from authapi.db.factors import StoredFactor
from authapi.db.models import Factor, Identity


class AlreadyLinkedError(Exception):
    """The identity belongs to an account already."""


_COLUMNS = [getattr(Factor, column.name) for column in fields(StoredFactor)]


def find(connection: Connection, issuer: str, subject: str) -> StoredFactor | None:
    """Return the factor that links this identity to an account, whoever's it is."""
    of_identity = Identity.issuer == issuer, Identity.subject == subject
    statement = select(*_COLUMNS).join(Identity, Identity.factor_id == Factor.id)
    row = connection.execute(statement.where(*of_identity)).one_or_none()
    return None if row is None else StoredFactor(*row)


def add(tx: Transaction, factor_id: str, provider: str, issuer: str, subject: str) -> None:
    """Add the identity of a factor. Raises AlreadyLinkedError: then give the transaction up."""
    values = {"factor_id": factor_id, "provider": provider, "issuer": issuer, "subject": subject}
    try:
        tx.execute(insert(Identity).values(**values))
    except IntegrityError as error:
        raise AlreadyLinkedError from error
