"""The table `identities`: accounts at other providers, each the secret part of a factor."""

from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from authapi.db.database import Transaction
from authapi.db.factors import StoredFactor
from authapi.db.models import Factor, Identity


@dataclass(frozen=True, slots=True)
class LinkedIdentity:
    """An identity, and the factor that links it to its account."""

    factor: StoredFactor
    provider: str


class AlreadyLinkedError(Exception):
    """The identity belongs to an account already."""


_FACTOR = [getattr(Factor, column.name) for column in fields(StoredFactor)]


def find(connection: Connection, issuer: str, subject: str) -> LinkedIdentity | None:
    """Return the identity of that name at that issuer, whoever's it is."""
    statement = (
        select(Identity.provider, *_FACTOR)
        .join(Factor, Factor.id == Identity.factor_id)
        .where(Identity.issuer == issuer, Identity.subject == subject)
    )
    row = connection.execute(statement).one_or_none()
    return None if row is None else LinkedIdentity(StoredFactor(*row[1:]), row[0])


def add(tx: Transaction, factor_id: str, provider: str, issuer: str, subject: str) -> None:
    """Add the identity of a factor. Raises AlreadyLinkedError: then give the transaction up."""
    values = {"factor_id": factor_id, "provider": provider, "issuer": issuer, "subject": subject}
    try:
        tx.execute(insert(Identity).values(**values))
    except IntegrityError as error:
        raise AlreadyLinkedError from error

