"""The end of all sessions of an account, at one cost however many there are.

A session is live while its generation is its account's (sessions.LIVE). A stop begins the account's
next generation: it writes one row of `users` and one of `stops`. The rows of the sessions follow in
batches. A log-in and a stop both lock the user, so a new session has the new generation.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, insert, select, update

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import RevokedReason, Stop, User
from authapi.db.revocations import notify
from authapi.db.sessions import BATCH_ROWS, SESSIONS
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS

STOPS = cast("sa.Table", Stop.__table__)
ROWS_A_FETCH = 10_000  # each fetch has the time of a statement


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop, for those who change the rows of its sessions."""

    user_id: str
    generation: int
    stopped_at: float
    reason: str


_COLUMNS = [STOPS.c[column.name] for column in fields(Stopped)]


def add(tx: Transaction, user_id: str, reason: RevokedReason, *, keep: str = "") -> Stopped:
    """Stop every session of the account but `keep`. The caller holds the user's lock (users.lock).

    Only the account and the kept session are written, however many there are.
    """
    next_generation = (
        update(User)
        .where(User.id == user_id)
        .values(session_generation=User.session_generation + 1)
        .returning(User.session_generation)
    )
    generation = tx.scalars(next_generation).one()
    if keep:
        # If it is stopped already, it stays so.
        was_live = (SESSIONS.c.user_id == user_id, SESSIONS.c.generation == generation - 1)
        kept = update(SESSIONS).where(SESSIONS.c.sid == keep, *was_live)
        tx.execute(kept.values(generation=generation))
    values = {"generation": generation, "stopped_at": db_now(), "reason": reason.value}
    again = update(STOPS).where(STOPS.c.user_id == user_id).values(**values, followed_at=None)
    row = tx.execute(again.returning(*_COLUMNS)).one_or_none()
    if row is None:
        first = insert(STOPS).values(user_id=user_id, **values)
        row = tx.execute(first.returning(*_COLUMNS)).one()
    notify(tx)
    return Stopped(*row)


# Also the sessions that were revoked one by one, or by an earlier stop of the account: its row in
# `stops` was replaced. What has run out a while ago has no access token in force.
_SIDS = (
    select(SESSIONS.c.sid, sa.func.coalesce(SESSIONS.c.revoked_at, STOPS.c.stopped_at))
    .join(STOPS, STOPS.c.user_id == SESSIONS.c.user_id)
    .where(
        STOPS.c.user_id.in_(bindparam("user_ids", expanding=True)),
        SESSIONS.c.generation < STOPS.c.generation,
        sa.case(
            (
                SESSIONS.c.revoked_at.is_(None),
                SESSIONS.c.expires_at > STOPS.c.stopped_at - LOOK_BACK_SECONDS,
            ),
            else_=SESSIONS.c.revoked_at > STOPS.c.stopped_at - WINDOW_SECONDS,
        ),
    )
    .execution_options(yield_per=ROWS_A_FETCH)
)


_UNMARKED_SIDS = (
    select(SESSIONS.c.sid)
    .where(
        SESSIONS.c.user_id == bindparam("user_id"),
        SESSIONS.c.generation < bindparam("generation"),
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > bindparam("stopped_at", type_=sa.Double) - LOOK_BACK_SECONDS,
    )
    .execution_options(yield_per=ROWS_A_FETCH)
)


# Both want a connection that is `in_portions`.


def read_sids(connection: Connection, user_ids: Collection[str]) -> dict[str, float]:
    """Return the sessions that the accounts' stops ended, and the moment of each one's end."""
    sids: dict[str, float] = {}
    with connection.execute(_SIDS, {"user_ids": list(user_ids)}) as rows:
        for portion in rows.partitions():
            sids.update(portion)
    return sids


def read_new_sids(connection: Connection, stop: Stopped) -> Sequence[str]:
    """Return the sessions that nothing ended before this stop."""
    with connection.scalars(_UNMARKED_SIDS, asdict(stop)) as sids:
        return [sid for portion in sids.partitions() for sid in portion]


def list_unfollowed(connection: Connection) -> Sequence[Stopped]:
    """Return stops whose sessions may have rows that are still to be changed, the oldest first."""
    statement = select(*_COLUMNS).where(STOPS.c.followed_at.is_(None))
    ordered = statement.order_by(STOPS.c.stopped_at, STOPS.c.user_id).limit(100)
    return [Stopped(*row) for row in connection.execute(ordered)]


def end_rows(tx: Transaction, stop: Stopped) -> int:
    """Mark a batch of sessions as revoked, only such as were in force. Return how many."""
    values = {
        "revoked_at": stop.stopped_at,
        "revoked_reason": stop.reason,
        "revoked_by_stop": True,
    }
    return _change(tx, values, *_unmarked(stop))


def forget_person(tx: Transaction, user_id: str) -> int:
    """Remove what a batch of a user's sessions tells about the person. Return how many it was."""
    tx.note_erased()
    return _change(tx, {"user_agent": None, "ip": None}, *_personal(user_id))


def set_followed(tx: Transaction, stop: Stopped) -> None:
    """Note that no row is left to be changed, unless some are: another one may hold their locks."""
    left = _unmarked(stop)
    if stop.reason == RevokedReason.ACCOUNT_DELETED:
        left = (SESSIONS.c.user_id == stop.user_id, sa.or_(sa.and_(*left), _tells()))
    tx.execute(
        update(STOPS)
        .where(
            STOPS.c.user_id == stop.user_id,
            STOPS.c.generation == stop.generation,
            ~sa.exists(select(SESSIONS.c.sid).where(*left)),
        )
        .values(followed_at=db_now())
    )


def _unmarked(stop: Stopped) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SESSIONS.c.user_id == stop.user_id,
        SESSIONS.c.generation < stop.generation,
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > stop.stopped_at,
    )


def _personal(user_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SESSIONS.c.user_id == user_id, _tells()


def _tells() -> sa.ColumnElement[bool]:
    return sa.or_(SESSIONS.c.user_agent.is_not(None), SESSIONS.c.ip.is_not(None))


def _change(tx: Transaction, values: dict[str, Any], *which: sa.ColumnElement[bool]) -> int:
    # Without waiting for a row: a request that holds one must hold up nothing.
    batch = select(SESSIONS.c.sid).where(*which).limit(BATCH_ROWS)
    sids = tx.scalars(batch.with_for_update(skip_locked=True)).all()
    if sids:
        tx.execute(update(SESSIONS).where(SESSIONS.c.sid.in_(sids), *which).values(values))
    return len(sids)
