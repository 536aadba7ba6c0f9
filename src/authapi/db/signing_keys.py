"""The table `signing_keys`. The newest is first; what a key's dates mean is for services/."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from authapi.db.models import SigningKey


class AlreadyAdded(Exception):
    """Another process has added the key of this position."""


def list_all(tx: Transaction) -> Sequence[SigningKey]:
    return tx.scalars(select(SigningKey).order_by(SigningKey.position.desc())).all()


def next_position(tx: Transaction) -> int:
    return (tx.scalar(select(func.max(SigningKey.position))) or 0) + 1


def add(tx: Transaction, key: SigningKey) -> None:
    """Raises AlreadyAdded, after which the transaction can only be given up."""
    tx.add(key)
    try:
        tx.flush()
    except IntegrityError as error:
        raise AlreadyAdded from error
