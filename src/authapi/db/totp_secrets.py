"""The table `totp_secrets`: what belongs to a factor of kind `totp`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from authapi.db import factors
from authapi.db.database import Transaction
from authapi.db.models import Factor, TotpSecret


@dataclass(frozen=True, slots=True)
class StoredSecret:
    """A sealed secret, and its factor."""

    factor_id: str
    sealed: bytes


_SECRET = select(TotpSecret.factor_id, TotpSecret.sealed)


def add(tx: Transaction, factor_id: str, sealed: bytes) -> None:
    tx.execute(insert(TotpSecret).values(factor_id=factor_id, sealed=sealed, last_step=0))


def find(connection: Connection, factor_id: str) -> StoredSecret | None:
    row = connection.execute(_SECRET.where(TotpSecret.factor_id == factor_id)).one_or_none()
    return None if row is None else StoredSecret(*row)


def list_in_force(connection: Connection, user_id: str) -> Sequence[StoredSecret]:
    """Return the secrets of the user's factors in force."""
    joined = _SECRET.join(Factor, Factor.id == TotpSecret.factor_id)
    of_user = joined.where(Factor.user_id == user_id, Factor.confirmed_at.is_not(None))
    rows = connection.execute(of_user)
    return [StoredSecret(*row) for row in rows]


def use_step(tx: Transaction, factor_id: str, step: int) -> bool:
    """Use the code of this step up. False, without effect, if it or a later one was used.

    One statement settles it: of many at once, one is told True.
    """
    factors.lock(tx, Factor.id == factor_id)
    statement = (
        update(TotpSecret)
        .where(TotpSecret.factor_id == factor_id, TotpSecret.last_step < step)
        .values(last_step=step)
        .returning(TotpSecret.factor_id)
    )
    return tx.execute(statement).one_or_none() is not None


def list_after(connection: Connection, factor_id: str, count: int) -> Sequence[StoredSecret]:
    """Return the next secrets of all users, by their factors' ids."""
    after = _SECRET.where(TotpSecret.factor_id > factor_id).order_by(TotpSecret.factor_id)
    return [StoredSecret(*row) for row in connection.execute(after.limit(count))]


def reseal(tx: Transaction, factor_id: str, sealed: bytes) -> None:
    of_factor = update(TotpSecret).where(TotpSecret.factor_id == factor_id)
    tx.execute(of_factor.values(sealed=sealed))
