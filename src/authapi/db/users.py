"""The table `users`. Callers give canonical forms; see services/accounts/names.py."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Select, bindparam, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import User


@dataclass(frozen=True, slots=True)
class Account:
    """A user as stored. `version` changes whenever a proof of identity loses its worth."""

    id: str
    email: str
    email_verified_at: float | None
    username: str | None
    password_hash: str = field(repr=False)
    scopes: str
    created_at: float
    disabled_at: float | None
    version: int
    second_factors: int


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to be added."""

    id: str
    email: str
    email_canonical: str
    username: str | None
    username_canonical: str | None
    password_hash: str = field(repr=False)
    scopes: str


class AlreadyTakenError(Exception):
    """The canonical e-mail address or username belongs to another user."""


USERNAME_LOCKS = 0x6E616D65  # the first half of each lock: any number that nobody else takes
_COLUMNS = [getattr(User, column.name) for column in fields(Account)]
_ACCOUNT = select(*_COLUMNS)
_BY_ID = _ACCOUNT.where(User.id == bindparam("user_id"))
_BY_EMAIL = _ACCOUNT.where(User.email_canonical == bindparam("name"))
_BY_USERNAME = _ACCOUNT.where(User.username_canonical == bindparam("name"))
_HASHES = select(User.password_hash).order_by(User.id).limit(bindparam("count"))
_LOCK = _BY_ID.with_for_update(key_share=True)


def find(connection: Connection, user_id: str) -> Account | None:
    return _find(connection, _BY_ID, user_id=user_id)


def find_by_email(connection: Connection, email_canonical: str) -> Account | None:
    return _find(connection, _BY_EMAIL, name=email_canonical)


def find_by_username(connection: Connection, username_canonical: str) -> Account | None:
    return _find(connection, _BY_USERNAME, name=username_canonical)


def sample_hashes(connection: Connection, count: int) -> Sequence[str]:
    """Return the password hashes of some accounts: ids are random, and so are the first ones."""
    return connection.scalars(_HASHES, {"count": count}).all()


def lock(connection: Connection, user_id: str) -> Account | None:
    """Return the account as it is now, and let nobody else change it until the end.

    Lock order: a user before the user's sessions.
    """
    return _find(connection, _LOCK, user_id=user_id)


def lock_all(connection: Connection, user_ids: Collection[str]) -> Mapping[str, Account]:
    """Lock several accounts as `lock` does, in one order for everybody; return them by id."""
    if not user_ids:
        return {}
    ordered = _ACCOUNT.where(User.id.in_(user_ids)).order_by(User.id)
    rows = connection.execute(ordered.with_for_update(key_share=True))
    return {account.id: account for account in (Account(*row) for row in rows)}


def take_turn(tx: Transaction, username_canonical: str | None) -> None:
    """Let no other transaction claim the name past this point before the end of this one.

    Names are in this table and in pending_registrations: no index sees both. A claim is written
    first, and looks for others after its turn. SQLite has one writer at a time.
    """
    if username_canonical is not None and tx.dialect.name == "postgresql":
        name = crc32(username_canonical.encode()) - 2**31
        tx.execute(select(func.pg_advisory_xact_lock(USERNAME_LOCKS, name)))


def list_oldest(connection: Connection, after: Account | None, count: int) -> Sequence[Account]:
    """Return the first accounts by when they were made, or those after one."""
    statement = _ACCOUNT.order_by(User.created_at, User.id).limit(count)
    if after:
        place = tuple_(User.created_at, User.id)
        statement = statement.where(place > (after.created_at, after.id))
    return [Account(*row) for row in connection.execute(statement)]


def add(connection: Connection, new: NewAccount) -> Account:
    """Add the account. Raises AlreadyTakenError, after which a transaction must be given up."""
    statement = insert(User).values(**asdict(new), created_at=db_now()).returning(*_COLUMNS)
    try:
        return Account(*connection.execute(statement).one())
    except IntegrityError as error:
        raise AlreadyTakenError from error


def set_username(
    connection: Connection, user_id: str, username: str | None, canonical: str | None
) -> None:
    """Store the username. Raises AlreadyTakenError, after which a transaction must be given up."""
    try:
        _set(connection, user_id, username=username, username_canonical=canonical)
    except IntegrityError as error:
        raise AlreadyTakenError from error


def set_password(connection: Connection, user_id: str, password_hash: str) -> None:
    """Store another password. A proof of the old one is worth nothing from now on."""
    _set(connection, user_id, password_hash=password_hash, version=User.version + 1)


def upgrade_hash(connection: Connection, account: Account, password_hash: str) -> None:
    """Store the same password under a stronger hash, unless the hash has changed meanwhile."""
    connection.execute(
        update(User)
        .where(User.id == account.id, User.password_hash == account.password_hash)
        .values(password_hash=password_hash)
    )


def verify_email(connection: Connection, user_id: str) -> None:
    """Note that the account's user reads its mailbox."""
    verified_at = func.coalesce(User.email_verified_at, db_now())
    _set(connection, user_id, email_verified_at=verified_at)


def set_verified(connection: Connection, user_id: str, *, is_verified: bool) -> None:
    """Note what an operator knows of the account's address."""
    _set(connection, user_id, email_verified_at=db_now() if is_verified else None)


def set_email(
    connection: Connection, user_id: str, email: str, canonical: str, *, is_verified: bool = True
) -> None:
    """Store another address. Raises AlreadyTakenError: then a transaction must be given up."""
    verified_at = db_now() if is_verified else None
    values = {"email": email, "email_canonical": canonical, "email_verified_at": verified_at}
    try:
        _set(connection, user_id, **values)
    except IntegrityError as error:
        raise AlreadyTakenError from error


def end_proofs(connection: Connection, user_id: str) -> None:
    """Let no proof of identity from before open a session."""
    _set(connection, user_id, version=User.version + 1)


def set_scopes(connection: Connection, user_id: str, scopes: str) -> None:
    _set(connection, user_id, scopes=scopes)


def disable(connection: Connection, user_id: str) -> None:
    _set(connection, user_id, disabled_at=db_now(), version=User.version + 1)


def enable(connection: Connection, user_id: str) -> None:
    _set(connection, user_id, disabled_at=None)


def remove(tx: Transaction, user_id: str) -> None:
    """Delete the account. Its sessions stay: stops.py ends them."""
    tx.execute(delete(User).where(User.id == user_id))
    tx.note_erased()


def _find(connection: Connection, statement: Select[Any], **values: str) -> Account | None:
    row = connection.execute(statement, values).one_or_none()
    return None if row is None else Account(*row)


def _set(connection: Connection, user_id: str, **values: object) -> None:
    connection.execute(update(User).where(User.id == user_id).values(**values))
