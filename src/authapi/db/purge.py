"""Deletes rows that nothing needs any more, a batch at a time.

| table                 | a row goes                                                      |
| --------------------- | --------------------------------------------------------------- |
| sessions              | once it ended before the window: no token of it can be in force |
| stops                 | once no poll reads it any more, and its sessions have followed  |
| links                 | a day after it ran out                                          |
| pending_registrations | once it has run out                                             |
| outbox                | a week after the mail was sent, a month after it was given up   |
| known_addresses       | 30 days after the last log-in                                   |
| released_names        | once the name rests no more                                     |
| factors               | a day after one was begun that was never confirmed              |
| auth_sessions         | once they have run out                                          |
| spent_challenges      | the same                                                        |
| events                | after EVENT_RETENTION_DAYS                                      |
| processes             | a day after the process was last seen                           |

Until then, and without a purge, no row is honoured that is over: each reader compares the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select
from sqlalchemy.orm import InstrumentedAttribute

from authapi.db.clock import db_now
from authapi.db.factors import UNCONFIRMED_SECONDS
from authapi.db.known_addresses import KNOWN_SECONDS
from authapi.db.models import (
    AuthSession,
    Event,
    Factor,
    KnownAddress,
    Link,
    OutboxMail,
    PendingRegistration,
    Process,
    ReleasedName,
    Session,
    SpentChallenge,
    Stop,
)
from authapi.verifier.lifetimes import WINDOW_SECONDS

DAY_SECONDS = 86400
SESSION_SECONDS = WINDOW_SECONDS + 60  # never a row that a poll may still read
PURGE_LOCK = 0x70757267  # any number that nobody else locks

Column = InstrumentedAttribute[Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """The rows of a table whose `ended` is so many seconds ago are old.

    `ended` has an index, which a batch reads from its old end. `settled` must not be null, and
    `never` must.
    """

    key: Column
    ended: Column
    seconds: float
    settled: Column | None = None
    never: Column | None = None

    @property
    def table(self) -> str:
        return str(self.key.class_.__tablename__)


def rules(*, event_retention_days: int) -> Sequence[Rule]:
    """Return what is old. A table may have several rules."""
    return (
        Rule(Session.sid, Session.expires_at, SESSION_SECONDS),
        Rule(Session.sid, Session.revoked_at, SESSION_SECONDS),
        Rule(Stop.user_id, Stop.stopped_at, 2 * WINDOW_SECONDS, settled=Stop.followed_at),
        Rule(Link.id, Link.expires_at, DAY_SECONDS),
        Rule(PendingRegistration.id, PendingRegistration.expires_at, 0),
        Rule(OutboxMail.id, OutboxMail.sent_at, 7 * DAY_SECONDS),
        Rule(OutboxMail.id, OutboxMail.failed_at, 30 * DAY_SECONDS),
        Rule(KnownAddress.digest, KnownAddress.last_login_at, KNOWN_SECONDS),
        Rule(ReleasedName.name_digest, ReleasedName.free_at, 0),
        Rule(Factor.id, Factor.created_at, UNCONFIRMED_SECONDS, never=Factor.confirmed_at),
        Rule(AuthSession.digest, AuthSession.expires_at, 0),
        Rule(SpentChallenge.id, SpentChallenge.expires_at, 0),
        Rule(Event.id, Event.at, event_retention_days * DAY_SECONDS),
        Rule(Process.id, Process.seen_at, DAY_SECONDS),
    )


def is_alone(connection: Connection) -> bool:
    """Return whether no other process purges, and keep them out until the end of the transaction.

    Not a lock of the session, which a pooler would hand to somebody else.
    """
    if connection.dialect.name != "postgresql":
        return True  # SQLite has one writer anyway
    return bool(connection.scalar(select(func.pg_try_advisory_xact_lock(PURGE_LOCK))))


def delete_batch(connection: Connection, rule: Rule, count: int) -> int:
    """Delete at most `count` old rows, the oldest first; return how many.

    A row that somebody else holds is left out: it may be a new stop of the same account.
    """
    # The clock is read once: as a function of each row it could not be compared within an index.
    is_old = [rule.ended <= select(db_now()).scalar_subquery() - rule.seconds]
    if rule.settled is not None:
        is_old.append(rule.settled.is_not(None))
    if rule.never is not None:
        is_old.append(rule.never.is_(None))
    # Ordered, or PostgreSQL expects a third of the rows to be old, and reads them all.
    old = select(rule.key).where(*is_old).order_by(rule.ended).limit(count)
    keys = connection.scalars(old.with_for_update(skip_locked=True)).all()
    if keys:
        connection.execute(delete(rule.key.class_).where(rule.key.in_(keys)))
    return len(keys)
