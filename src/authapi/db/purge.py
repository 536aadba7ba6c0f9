"""Deletes rows that nothing needs any more, a batch at a time.

| table    | a row goes                                                                      |
| -------- | ------------------------------------------------------------------------------- |
| sessions | once it ended before the revocation window: no token of it can be in force      |
| links    | a day after it ran out                                                          |
| outbox   | a week after the mail was sent, a month after it was given up                   |
| events   | after EVENT_RETENTION_DAYS                                                      |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from authapi.db.clock import db_now
from authapi.db.models import Event, Link, Model, OutboxMail, Session
from authapi.verifier.lifetimes import WINDOW_SECONDS

DAY_SECONDS = 86400
SESSION_SECONDS = WINDOW_SECONDS + 60  # never a row that a poll may still read
PURGE_LOCK = 0x70757267  # any number that nobody else locks


@dataclass(frozen=True, slots=True)
class Rule:
    """Which rows of a table are old."""

    table: type[Model]
    key: InstrumentedAttribute[str]
    is_old: ColumnElement[bool]


def _before(column: ColumnElement[Any], seconds: float) -> ColumnElement[bool]:
    # The clock is read once: as a function of each row it could not be compared within an index.
    return column < select(db_now()).scalar_subquery() - seconds


def rules(*, event_retention_days: int) -> Mapping[str, Rule]:
    """Return what is old, by the name of the table."""
    ended = or_(
        _before(Session.expires_at.expression, SESSION_SECONDS),
        _before(Session.revoked_at.expression, SESSION_SECONDS),
    )
    done = or_(
        _before(OutboxMail.sent_at.expression, 7 * DAY_SECONDS),
        _before(OutboxMail.failed_at.expression, 30 * DAY_SECONDS),
    )
    return {
        "sessions": Rule(Session, Session.sid, ended),
        "links": Rule(Link, Link.id, _before(Link.expires_at.expression, DAY_SECONDS)),
        "outbox": Rule(OutboxMail, OutboxMail.id, done),
        "events": Rule(
            Event, Event.id, _before(Event.at.expression, event_retention_days * DAY_SECONDS)
        ),
    }


def is_alone(connection: Connection) -> bool:
    """Return whether no other process purges, and keep them out until the end of the transaction.

    Not a lock of the session, which a pooler would hand to somebody else.
    """
    if connection.dialect.name != "postgresql":
        return True  # SQLite has one writer anyway
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))))


def delete_batch(connection: Connection, rule: Rule, count: int) -> int:
    """Delete at most `count` old rows; return how many."""
    old = select(rule.key).where(rule.is_old).limit(count)
    return connection.execute(delete(rule.table).where(rule.key.in_(old))).rowcount
