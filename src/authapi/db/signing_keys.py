"""The table `signing_keys`. The newest is first; what a key's dates mean is for services/."""

from collections.abc import Sequence

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session as Transaction

from authapi.db.clock import db_now
from authapi.db.models import SigningKey

# Any number will do that nobody else locks.
KEYS_LOCK = 0x6B657973


def lock(tx: Transaction) -> None:
    """Nobody else adds or changes a key until the end; who reads goes on."""
    if tx.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        tx.execute(select(func.pg_advisory_xact_lock(KEYS_LOCK)))


def list_all(tx: Transaction) -> Sequence[SigningKey]:
    return tx.scalars(
        select(SigningKey)
        .order_by(SigningKey.position.desc())
        .execution_options(populate_existing=True)
    ).all()


def add(tx: Transaction, key: SigningKey) -> None:
    tx.add(key)
    tx.flush()


def bring_forward(tx: Transaction, kids: Sequence[str], signs_from: float) -> None:
    tx.execute(update(SigningKey).where(SigningKey.kid.in_(kids)).values(signs_from=signs_from))


def mark_compromised(tx: Transaction, kid: str) -> None:
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(compromised_at=db_now()))


def set_private(tx: Transaction, kid: str, private_sealed: bytes) -> None:
    values = {"private_sealed": private_sealed}
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(values))
