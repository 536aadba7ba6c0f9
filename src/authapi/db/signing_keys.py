"""The table `signing_keys`. The newest is first; what a key's dates mean is for services/."""

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from authapi.db.engine import db_now
from authapi.db.models import SigningKey


class AlreadyAdded(Exception):
    """Another process has added the key of this position."""


def list_all(tx: Transaction) -> Sequence[SigningKey]:
    return tx.scalars(
        select(SigningKey)
        .order_by(SigningKey.position.desc())
        .execution_options(populate_existing=True)
    ).all()


def add(tx: Transaction, key: SigningKey) -> None:
    """Raises AlreadyAdded, after which the transaction can only be given up."""
    tx.add(key)
    try:
        tx.flush()
    except IntegrityError as error:
        raise AlreadyAdded from error


def bring_forward(tx: Transaction, kid: str, signs_from: float) -> None:
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(signs_from=signs_from))


def mark_compromised(tx: Transaction, kid: str) -> None:
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(compromised_at=db_now()))


def set_private(tx: Transaction, kid: str, private_sealed: bytes) -> None:
    values = {"private_sealed": private_sealed}
    tx.execute(update(SigningKey).where(SigningKey.kid == kid).values(values))
