"""The table `users`. Callers give canonical forms; see services/accounts/names.py."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as Transaction

from authapi.db.clock import db_now
from authapi.db.models import User


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user is shown of the account."""

    id: str
    email: str
    email_verified_at: float | None
    username: str | None
    scopes: str
    created_at: float


_PROFILE = select(
    User.id, User.email, User.email_verified_at, User.username, User.scopes, User.created_at
).where(User.id == bindparam("user_id"))


@dataclass(frozen=True, slots=True)
class Account:
    """What a log-in asks about a user."""

    id: str
    password_hash: str


_ACCOUNT = select(User.id, User.password_hash)
_ACCOUNT_BY_EMAIL = _ACCOUNT.where(User.email_canonical == bindparam("name"))
_ACCOUNT_BY_USERNAME = _ACCOUNT.where(User.username_canonical == bindparam("name"))


class AlreadyTakenError(Exception):
    """The canonical e-mail address or username belongs to another user."""


def find_profile(connection: Connection, user_id: str) -> Profile | None:
    row = connection.execute(_PROFILE, {"user_id": user_id}).one_or_none()
    return None if row is None else Profile(*row)


def find_account(connection: Connection, name: str, *, by_email: bool) -> Account | None:
    """By the canonical e-mail address, or else the canonical username."""
    statement = _ACCOUNT_BY_EMAIL if by_email else _ACCOUNT_BY_USERNAME
    row = connection.execute(statement, {"name": name}).one_or_none()
    return None if row is None else Account(*row)


def find(tx: Transaction, user_id: str) -> User | None:
    return tx.get(User, user_id)


def find_by_email(tx: Transaction, email_canonical: str) -> User | None:
    return tx.scalar(select(User).where(User.email_canonical == email_canonical))


def find_by_username(tx: Transaction, username_canonical: str) -> User | None:
    return tx.scalar(select(User).where(User.username_canonical == username_canonical))


def lock(tx: Transaction, user_id: str) -> User | None:
    """The user as it is now; nobody else changes it, or revokes all its sessions, until the end.

    Lock order: a user before its sessions.
    """
    return tx.scalar(
        select(User)
        .where(User.id == user_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def add(tx: Transaction, user: User) -> None:
    """Raises AlreadyTakenError, after which the transaction can only be given up."""
    tx.add(user)
    _write(tx)


def set_username(tx: Transaction, user: User, username: str | None, canonical: str | None) -> None:
    """Raises AlreadyTakenError, after which the transaction can only be given up."""
    user.username, user.username_canonical = username, canonical
    _write(tx)


def _write(tx: Transaction) -> None:
    try:
        tx.flush()
    except IntegrityError as error:
        raise AlreadyTakenError from error


def set_password_hash(tx: Transaction, user_id: str, password_hash: str) -> None:
    tx.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


def set_scopes(tx: Transaction, user_id: str, scopes: str) -> None:
    tx.execute(update(User).where(User.id == user_id).values(scopes=scopes))


def disable(tx: Transaction, user_id: str) -> None:
    tx.execute(update(User).where(User.id == user_id).values(disabled_at=db_now()))


def enable(tx: Transaction, user_id: str) -> None:
    tx.execute(update(User).where(User.id == user_id).values(disabled_at=None))


def remove(tx: Transaction, user_id: str) -> None:
    """Its sessions stay, without the person (ON DELETE SET NULL)."""
    tx.execute(delete(User).where(User.id == user_id))


def list_all(tx: Transaction) -> Sequence[User]:
    return tx.scalars(select(User).order_by(User.created_at, User.id)).all()
