"""The table `pending_registrations`: one row per address. Callers give canonical forms.

A row that has run out is not honoured: each reader compares the time.
"""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    delete,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from authapi.db.clock import db_now
from authapi.db.links import MAX_WRONG_CODES
from authapi.db.models import PendingRegistration as Row
from authapi.db.users import AlreadyTakenError, NewAccount

PENDING_SECONDS = 86400.0


@dataclass(frozen=True, slots=True)
class Pending:
    """A registration that waits. `link_id` is that of the mail whose link and code end the wait."""

    id: str
    email: str
    email_canonical: str
    username: str | None
    username_canonical: str | None
    password_hash: str = field(repr=False)
    network_digest: str
    agent_digest: str
    link_id: str

    def as_account(self) -> NewAccount:
        """Return the account that it becomes."""
        return NewAccount(
            id=self.id,
            email=self.email,
            email_canonical=self.email_canonical,
            username=self.username,
            username_canonical=self.username_canonical,
            password_hash=self.password_hash,
            scopes="",
        )


_COLUMNS: list[Any] = [getattr(Row, column.name) for column in fields(Pending)]


def _waits() -> ColumnElement[bool]:
    return Row.expires_at > db_now()


def put(connection: Connection, new: Pending) -> None:
    """Store the registration in the place of an older one with the address.

    Raises AlreadyTakenError if another one has the username: then a transaction must be given up.
    """
    if new.username_canonical is not None:  # one that has run out keeps no name
        has_name = Row.username_canonical == new.username_canonical
        connection.execute(delete(Row).where(has_name, Row.expires_at <= db_now()))
    now = db_now()
    more = {"linked_at": now, "expires_at": now + PENDING_SECONDS, "failures": 0}
    values = asdict(new) | more
    of_dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    added = of_dialect.insert(Row).values(values)
    try:
        connection.execute(
            added.on_conflict_do_update(index_elements=[Row.email_canonical], set_=values)
        )
    except IntegrityError as error:
        raise AlreadyTakenError from error


def find_hash(connection: Connection, name: str) -> str | None:
    """Return the password hash of the registration with this address or username."""
    has_name = or_(Row.email_canonical == name, Row.username_canonical == name)
    return connection.scalars(select(Row.password_hash).where(has_name, _waits())).first()


def find_by_link(connection: Connection, link_id: str) -> Pending | None:
    statement = select(*_COLUMNS).where(Row.link_id == link_id, _waits())
    row = connection.execute(statement).one_or_none()
    return None if row is None else Pending(*row)


def count_try(connection: Connection, email_canonical: str) -> Pending | None:
    """Count one try of a code, and return the registration that it may be for."""
    may_match = and_(
        Row.email_canonical == email_canonical, Row.failures < MAX_WRONG_CODES, _waits()
    )
    counted = update(Row).where(may_match).values(failures=Row.failures + 1).returning(*_COLUMNS)
    row = connection.execute(counted).one_or_none()
    return None if row is None else Pending(*row)


def relink(
    connection: Connection,
    email_canonical: str,
    link_id: str,
    posted_at: float,
    *,
    is_for_account: bool,
) -> str | None:
    """Let this mail be the one that ends the wait, for a day more. Return the address as typed.

    None if nothing waits, or a newer mail was posted, or a newer registration. If the mail is for
    an account with the address, its link is for that; the registration waits as long as else.
    """
    is_newest = or_(Row.link_id == link_id, Row.linked_at <= posted_at)
    newest = update(Row).where(Row.email_canonical == email_canonical, is_newest, _waits())
    values = {"linked_at": posted_at, "expires_at": db_now() + PENDING_SECONDS}
    if not is_for_account:
        values["failures"] = case((Row.link_id == link_id, Row.failures), else_=0)
        values["link_id"] = link_id
    return connection.scalars(newest.values(values).returning(Row.email)).one_or_none()


def take(connection: Connection, link_id: str) -> bool:
    """Remove the registration; False if somebody was faster, or it has run out."""
    taken = delete(Row).where(Row.link_id == link_id, _waits())
    return bool(connection.execute(taken).rowcount)


def remove(connection: Connection, email_canonical: str) -> None:
    connection.execute(delete(Row).where(Row.email_canonical == email_canonical))


def is_reserved(connection: Connection, name: str, email_canonical: str) -> bool:
    """Return whether a registration with another address waits for this username."""
    others = (Row.username_canonical == name, Row.email_canonical != email_canonical, _waits())
    return bool(connection.scalars(select(exists().where(*others))).one())


def find_reserved(connection: Connection, names: Collection[str]) -> Mapping[str, str]:
    """Return which of these usernames a registration waits for, each with its address."""
    reserved = Row.username_canonical.in_(names), _waits()
    rows = connection.execute(select(Row.username_canonical, Row.email_canonical).where(*reserved))
    return {name: email for name, email in rows if name}
