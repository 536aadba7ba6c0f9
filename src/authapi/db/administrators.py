"""Accounts with the scope `authapi:admin`, by an index that has no others."""

from sqlalchemy import func, select, text

from authapi.db.database import Transaction
from authapi.db.models import User
from authapi.db.models.accounts import ADMIN, ADMINISTERS

LAST_ADMINISTRATOR_LOCK = 0x61646D69  # any number that nobody else locks

__all__ = ["ADMIN", "is_another", "take_turn"]

_OTHERS = select(User.id).where(text(ADMINISTERS), User.disabled_at.is_(None))


def take_turn(tx: Transaction) -> None:
    """Let no other transaction past this point before the end of this one.

    Lock order: the users, then this, then sessions. SQLite has one writer at a time.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(LAST_ADMINISTRATOR_LOCK)))


def is_another(tx: Transaction, user_id: str, *, is_verified: bool) -> bool:
    """Return whether an account besides this one is an enabled administrator's.

    `is_verified`: only one with a verified address counts.
    """
    others = _OTHERS.where(User.id != user_id)
    if is_verified:
        others = others.where(User.email_verified_at.is_not(None))
    return tx.execute(others.limit(1)).first() is not None
