"""The table `factors`. Each kind's secrets are in a file of its own.

`users.second_factors` counts the factors in force that are second ones: a log-in reads it with the
account. Only this file changes it, with the factor, in one transaction and under the user's lock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, delete, insert, select, update

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import Factor, User


@dataclass(frozen=True, slots=True)
class StoredFactor:
    """A factor. `confirmed_at` is None until it is in force."""

    id: str
    user_id: str
    kind: str
    name: str | None
    created_at: float
    confirmed_at: float | None
    last_used_at: float | None


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A factor to be added, in force at once or after a confirmation."""

    id: str
    user_id: str
    kind: str
    name: str | None
    is_second: bool
    is_in_force: bool


_COLUMNS = [getattr(Factor, column.name) for column in fields(StoredFactor)]
_FACTOR = select(*_COLUMNS)


def add(tx: Transaction, new: NewFactor) -> StoredFactor:
    """Add the factor. The caller holds the user's lock."""
    statement = (
        insert(Factor)
        .values(
            id=new.id,
            user_id=new.user_id,
            kind=new.kind,
            name=new.name,
            created_at=db_now(),
            confirmed_at=db_now() if new.is_in_force else None,
        )
        .returning(*_COLUMNS)
    )
    stored = StoredFactor(*tx.execute(statement).one())
    if new.is_second and new.is_in_force:
        _count(tx, new.user_id, 1)
    return stored


def confirm(tx: Transaction, factor: StoredFactor, *, is_second: bool) -> None:
    """Put the factor in force. The caller holds the user's lock, and found it unconfirmed."""
    tx.execute(update(Factor).where(Factor.id == factor.id).values(confirmed_at=db_now()))
    if is_second:
        _count(tx, factor.user_id, 1)


def remove(tx: Transaction, factor: StoredFactor, *, is_second: bool) -> None:
    """Remove the factor. The caller holds the user's lock."""
    tx.execute(delete(Factor).where(Factor.id == factor.id))
    if is_second and factor.confirmed_at is not None:
        _count(tx, factor.user_id, -1)


def remove_all(tx: Transaction, user_id: str, kinds: Collection[str]) -> int:
    """Remove every factor of these kinds, all second ones among them. Return how many."""
    removed = tx.execute(delete(Factor).where(Factor.user_id == user_id, Factor.kind.in_(kinds)))
    tx.execute(update(User).where(User.id == user_id).values(second_factors=0))
    return removed.rowcount


def find(connection: Connection, user_id: str, factor_id: str) -> StoredFactor | None:
    """Return a factor of this user."""
    own = _FACTOR.where(Factor.id == factor_id, Factor.user_id == user_id)
    row = connection.execute(own).one_or_none()
    return None if row is None else StoredFactor(*row)


def list_in_force(connection: Connection, user_id: str) -> Sequence[StoredFactor]:
    """Return the user's factors in force, the oldest first."""
    own = _FACTOR.where(Factor.user_id == user_id, Factor.confirmed_at.is_not(None))
    rows = connection.execute(own.order_by(Factor.created_at, Factor.id))
    return [StoredFactor(*row) for row in rows]


def rename(tx: Transaction, factor_id: str, name: str | None) -> None:
    tx.execute(update(Factor).where(Factor.id == factor_id).values(name=name))


def touch(tx: Transaction, factor_id: str) -> None:
    """Note that the factor was used now."""
    tx.execute(update(Factor).where(Factor.id == factor_id).values(last_used_at=db_now()))


def _count(tx: Transaction, user_id: str, change: int) -> None:
    more = User.second_factors + change
    tx.execute(update(User).where(User.id == user_id).values(second_factors=more))
