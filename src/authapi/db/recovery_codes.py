"""The table `recovery_codes`: digests of codes that work once."""

from collections.abc import Sequence

from sqlalchemy import and_, insert, select, update

from authapi.db import factors
from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import Factor, RecoveryCode


def add(tx: Transaction, factor_id: str, digests: Sequence[str]) -> None:
    tx.execute(insert(RecoveryCode), [{"digest": d, "factor_id": factor_id} for d in digests])


def use(tx: Transaction, user_id: str, digest: str) -> str | None:
    """Use up a code of this user. Return the id of its factor, None if it is none or was used.

    One statement settles it: of many at once, one finds it.
    """
    factors.lock(tx, and_(Factor.user_id == user_id, Factor.kind == "recovery_codes"))
    of_user = select(Factor.id).where(Factor.user_id == user_id)
    statement = (
        update(RecoveryCode)
        .where(
            RecoveryCode.digest == digest,
            RecoveryCode.used_at.is_(None),
            RecoveryCode.factor_id.in_(of_user),
        )
        .values(used_at=db_now())
        .returning(RecoveryCode.factor_id)
    )
    return tx.scalars(statement).one_or_none()
