"""The table `passkeys`: WebAuthn credentials, each with its row in `factors`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.exc import IntegrityError

from authapi.db import factors
from authapi.db.database import Transaction
from authapi.db.models import Factor, Passkey


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey to be added. models.Passkey explains the columns."""

    factor_id: str
    credential_id: str
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    transports: str
    user_verified: bool


@dataclass(frozen=True, slots=True)
class StoredPasskey(NewPasskey):
    """A passkey, in force since it was added, and whose it is."""

    user_id: str


class AlreadyTakenError(Exception):
    """The credential is somebody's already."""


_COLUMNS: list[Any] = [getattr(Passkey, column.name) for column in fields(NewPasskey)]
_STORED: Select[Any] = select(*_COLUMNS, Factor.user_id).join(
    Factor, Factor.id == Passkey.factor_id
)


def add(tx: Transaction, new: NewPasskey) -> None:
    """Add the passkey of a factor. Raises AlreadyTakenError: then the transaction must be given up.

    The caller holds the user's lock.
    """
    values = {column.name: getattr(new, column.name) for column in fields(NewPasskey)}
    try:
        tx.execute(insert(Passkey).values(values))
    except IntegrityError as error:
        raise AlreadyTakenError from error


def find(connection: Connection, credential_id: str) -> StoredPasskey | None:
    """Return the passkey, whoever has it."""
    statement = _STORED.where(Passkey.credential_id == credential_id)
    row = connection.execute(statement).one_or_none()
    return None if row is None else StoredPasskey(*row)


def list_of_user(connection: Connection, user_id: str) -> Sequence[StoredPasskey]:
    """Return the user's passkeys, the oldest first."""
    own = _STORED.where(Factor.user_id == user_id).order_by(Factor.created_at, Factor.id)
    return [StoredPasskey(*row) for row in connection.execute(own)]


def use(
    tx: Transaction, factor_id: str, sign_count: int, *, backed_up: bool, user_verified: bool
) -> bool:
    """Note a use with this signature counter. False if the counter has not grown.

    An authenticator without a counter sends 0 each time. What has verified its user once stays so.
    """
    factors.lock(tx, Factor.id == factor_id)
    has_grown = Passkey.sign_count < sign_count if sign_count else Passkey.sign_count == 0
    verified = {"user_verified": True} if user_verified else {}
    statement = (
        update(Passkey)
        .where(Passkey.factor_id == factor_id, has_grown)
        .values(sign_count=sign_count, backed_up=backed_up, **verified)
        .returning(Passkey.factor_id)
    )
    if tx.execute(statement).one_or_none() is None:
        return False
    factors.touch(tx, factor_id)
    return True
