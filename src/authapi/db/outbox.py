"""The table `outbox`: one row per mail. A row that is due belongs to who moves `next_try_at` on."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from authapi.db.clock import db_now
from authapi.db.models import OutboxMail as Mail


@dataclass(frozen=True, slots=True)
class DueMail:
    id: str
    user_id: str | None
    kind: str
    sealed: bytes = field(repr=False)
    created_at: float
    tries: int


@dataclass(frozen=True, slots=True)
class ListedMail:
    """A mail for `authapi mail list`. Who it is for is sealed."""

    id: str
    kind: str
    created_at: float
    next_try_at: float | None
    tries: int
    failed_at: float | None
    problem: str | None


_DUE: list[Any] = [getattr(Mail, column.name) for column in fields(DueMail)]
_LISTED: list[Any] = [getattr(Mail, column.name) for column in fields(ListedMail)]


def add(
    connection: Connection, *, mail_id: str, kind: str, user_id: str | None, sealed: bytes
) -> None:
    """Add a mail that is due at once."""
    now = db_now()
    connection.execute(
        insert(Mail).values(
            id=mail_id, kind=kind, user_id=user_id, sealed=sealed, created_at=now, next_try_at=now
        )
    )


def take(connection: Connection, lease_seconds: float) -> DueMail | None:
    """Return the mail that is due first, and let nobody else take it for `lease_seconds`.

    One statement: of several processes one gets it, and the others the next one.
    """
    now = db_now()
    due = (
        select(Mail.id)
        .where(Mail.next_try_at <= now)
        .order_by(Mail.next_try_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(Mail)
        .where(Mail.id == due.scalar_subquery(), Mail.next_try_at <= now)
        .values(next_try_at=now + lease_seconds, tries=Mail.tries + 1)
        .returning(*_DUE)
    )
    row = connection.execute(taken).one_or_none()
    return None if row is None else DueMail(*row)


def mark_sent(connection: Connection, mail_id: str) -> None:
    """Note that it needs no sending any more, and forget what it says."""
    done = update(Mail).where(Mail.id == mail_id)
    connection.execute(
        done.values(sent_at=db_now(), next_try_at=None, sealed=None, failed_at=None, problem=None)
    )


def set_account(connection: Connection, mail_id: str, user_id: str) -> None:
    """Note whose mail it turned out to be: it goes with the account."""
    connection.execute(update(Mail).where(Mail.id == mail_id).values(user_id=user_id))


def drop(connection: Connection, user_id: str, kinds: Collection[str]) -> None:
    """Let the account's mails of these kinds that wait, or were given up, never be sent."""
    waiting = (Mail.user_id == user_id, Mail.kind.in_(kinds), Mail.sent_at.is_(None))
    connection.execute(delete(Mail).where(*waiting))


def remove(connection: Connection, mail_id: str) -> None:
    """Delete the mail."""
    connection.execute(delete(Mail).where(Mail.id == mail_id))


def try_later(connection: Connection, mail_id: str, seconds: float, problem: str) -> None:
    later = update(Mail).where(Mail.id == mail_id, Mail.sent_at.is_(None))
    connection.execute(later.values(next_try_at=db_now() + seconds, problem=problem))


def give_up(connection: Connection, mail_id: str, problem: str) -> None:
    """Try it no more. What it says stays sealed, for `authapi mail retry`."""
    failed = update(Mail).where(Mail.id == mail_id, Mail.sent_at.is_(None))
    connection.execute(failed.values(next_try_at=None, failed_at=db_now(), problem=problem))


def retry(connection: Connection, mail_id: str | None = None) -> int:
    """Make one mail, or each that waits or was given up, due now. Return how many."""
    waiting = update(Mail).where(Mail.sent_at.is_(None))
    if mail_id is not None:
        waiting = waiting.where(Mail.id == mail_id)
    # The day of tries begins anew. The mail is as old as before.
    again = waiting.values(next_try_at=db_now(), failed_at=None, tries=0)
    return connection.execute(again).rowcount


def list_waiting(connection: Connection, count: int) -> Sequence[ListedMail]:
    """Return the mails that are not sent, the oldest first."""
    statement = select(*_LISTED).where(Mail.sent_at.is_(None))
    rows = connection.execute(statement.order_by(Mail.created_at).limit(count))
    return [ListedMail(*row) for row in rows]


def count_lately(connection: Connection, user_id: str, kind: str, seconds: float) -> int:
    """Return how many mails of this kind the account was posted within so many seconds."""
    lately = (Mail.user_id == user_id, Mail.kind == kind, Mail.created_at > db_now() - seconds)
    return connection.scalars(select(func.count()).where(*lately)).one()


def count_given_up(connection: Connection) -> int:
    """Return how many mails were given up."""
    return connection.scalars(select(func.count()).where(Mail.failed_at.is_not(None))).one()


def depth(connection: Connection) -> tuple[int, float]:
    """Return how many mails wait, and the age of the oldest one in seconds."""
    statement = select(func.count(), db_now() - func.min(Mail.created_at))
    count, age = connection.execute(statement.where(Mail.next_try_at.is_not(None))).one()
    return count, max(0.0, age or 0.0)
