"""The table `factors`. Each kind's secrets are in a file of its own.

`users.second_factors` counts the factors in force that are second ones: a log-in reads it with the
account. Only this file changes it, with the factor, in one transaction and under the user's lock.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, Connection, case, delete, func, insert, or_, select, update

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import Factor, Identity, Passkey, RecoveryCode, User

UNCONFIRMED_SECONDS = 86400.0  # in which a factor that was begun can be confirmed

SECOND = frozenset({"totp", "passkey"})


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


@dataclass(frozen=True, slots=True)
class ListedFactor(StoredFactor):
    """A factor as its user sees it. What is not of its kind is None.

    `remaining`: recovery codes that were not used.
    """

    remaining: int | None
    provider: str | None
    backup_eligible: bool | None
    backed_up: bool | None


_COLUMNS = [getattr(Factor, column.name) for column in fields(StoredFactor)]
_FACTOR = select(*_COLUMNS)
_REMAINING = (
    select(func.count())
    .where(RecoveryCode.factor_id == Factor.id, RecoveryCode.used_at.is_(None))
    .scalar_subquery()
)
_LISTED = (
    select(
        *_COLUMNS,
        case((Factor.kind == "recovery_codes", _REMAINING)),
        Identity.provider,
        Passkey.backup_eligible,
        Passkey.backed_up,
    )
    .outerjoin(Identity, Identity.factor_id == Factor.id)
    .outerjoin(Passkey, Passkey.factor_id == Factor.id)
    .where(Factor.confirmed_at.is_not(None))
    .order_by(Factor.created_at, Factor.id)
)


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


def confirm(tx: Transaction, factor: StoredFactor, *, is_second: bool) -> StoredFactor:
    """Put the factor in force. The caller holds the user's lock, and found it unconfirmed."""
    confirmed = update(Factor).where(Factor.id == factor.id).values(confirmed_at=db_now())
    stored = StoredFactor(*tx.execute(confirmed.returning(*_COLUMNS)).one())
    if is_second:
        _count(tx, factor.user_id, 1)
    return stored


def remove(tx: Transaction, factor: StoredFactor, *, is_second: bool) -> None:
    """Remove a factor in force. The caller holds the user's lock."""
    tx.execute(delete(Factor).where(Factor.id == factor.id))
    if is_second:
        _count(tx, factor.user_id, -1)


def remove_since(tx: Transaction, user_id: str, moment: float) -> Sequence[StoredFactor]:
    """Remove what came into force at the moment or later. Return it.

    The caller holds the user's lock.
    """
    later = delete(Factor).where(Factor.user_id == user_id, Factor.confirmed_at >= moment)
    removed = [StoredFactor(*row) for row in tx.execute(later.returning(*_COLUMNS))]
    _count(tx, user_id, -sum(factor.kind in SECOND for factor in removed))
    return removed


def remove_unconfirmed(tx: Transaction, user_id: str) -> None:
    """Remove what was begun and not confirmed: an authenticator app, no other kind."""
    tx.execute(delete(Factor).where(Factor.user_id == user_id, Factor.confirmed_at.is_(None)))


def remove_all(tx: Transaction, user_id: str) -> int:
    """Remove every factor of the user. Return how many. The caller holds the user's lock."""
    removed = tx.execute(delete(Factor).where(Factor.user_id == user_id))
    tx.execute(update(User).where(User.id == user_id).values(second_factors=0))
    return removed.rowcount


def find(connection: Connection, user_id: str, factor_id: str) -> StoredFactor | None:
    """Return a factor of this user."""
    own = _FACTOR.where(Factor.id == factor_id, Factor.user_id == user_id)
    row = connection.execute(own).one_or_none()
    return None if row is None else StoredFactor(*row)


def list_in_force(connection: Connection, user_id: str) -> Sequence[StoredFactor]:
    """Return the user's factors in force, in any order."""
    own = _FACTOR.where(Factor.user_id == user_id, Factor.confirmed_at.is_not(None))
    return [StoredFactor(*row) for row in connection.execute(own)]


def list_details(connection: Connection, user_id: str) -> Sequence[ListedFactor]:
    """Return the same with what belongs to each kind, the oldest first."""
    rows = connection.execute(_LISTED.where(Factor.user_id == user_id))
    return [ListedFactor(*row) for row in rows]


def list_ways_in(connection: Connection, user_id: str, issuers: Collection[str]) -> Sequence[str]:
    """Return the ids of those that open a session by themselves.

    Passkeys that have verified their user, and identities of these issuers: both are in force from
    their beginning.
    """
    opens = or_(Passkey.user_verified, Identity.issuer.in_(issuers))
    statement = (
        select(Factor.id)
        .outerjoin(Identity, Identity.factor_id == Factor.id)
        .outerjoin(Passkey, Passkey.factor_id == Factor.id)
        .where(Factor.user_id == user_id, opens)
    )
    return connection.scalars(statement).all()


def count_by_kind(
    connection: Connection, user_ids: Collection[str]
) -> Mapping[str, Mapping[str, int]]:
    """Return for each user how many factors of each kind are in force."""
    statement = (
        select(Factor.user_id, Factor.kind, func.count())
        .where(Factor.user_id.in_(user_ids), Factor.confirmed_at.is_not(None))
        .group_by(Factor.user_id, Factor.kind)
    )
    counts: dict[str, dict[str, int]] = {}
    for user_id, kind, count in connection.execute(statement):
        counts.setdefault(user_id, {})[kind] = count
    return counts


def rename(tx: Transaction, factor_id: str, name: str | None) -> None:
    tx.execute(update(Factor).where(Factor.id == factor_id).values(name=name))


def lock(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Lock a factor before what belongs to it, as who removes it does: no two wait in a ring."""
    tx.execute(select(Factor.id).where(which).with_for_update(key_share=True))


def touch(tx: Transaction, factor_id: str) -> None:
    """Note that the factor was used now."""
    tx.execute(update(Factor).where(Factor.id == factor_id).values(last_used_at=db_now()))


def _count(tx: Transaction, user_id: str, change: int) -> None:
    more = User.second_factors + change
    tx.execute(update(User).where(User.id == user_id).values(second_factors=more))
