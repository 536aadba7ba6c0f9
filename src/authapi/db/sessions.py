"""The table `sessions`: one row per log-in. How a refresh rewrites it: exchanges.py."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import Boolean, Connection, Double, String, bindparam, select, update
from sqlalchemy.sql.elements import ColumnElement

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import RevokedReason, Session, Transport, User
from authapi.db.pages import Place
from authapi.db.revocations import notify

SESSIONS = cast("sa.Table", Session.__table__)
UNREMEMBERED_IDLE_SECONDS = 86_400.0
BATCH_ROWS = 1000  # that one transaction writes, at most
SURPLUS_AT_ONCE = 100  # an account may have had more than MAX_SESSIONS when that was set


@dataclass(frozen=True, slots=True)
class MintedFrom:
    """What a token pair tells of its session. models.Session explains the columns."""

    sid: str
    user_id: str | None
    transport: str
    scopes: str
    created_at: float
    exchanged_at: float
    expires_at: float
    ends_at: float
    tokens_from: float | None
    remember: bool
    amr: str


@dataclass(frozen=True, slots=True)
class LockedSession(MintedFrom):
    """`now` was read from the database under the row's lock."""

    now: float


@dataclass(frozen=True, slots=True)
class StoredSession(MintedFrom):
    """The whole row. `is_stopped` if all of the account's sessions were ended since the log-in."""

    last_used_at: float
    revoked_at: float | None
    is_stopped: bool
    last_exchanged: str
    exchanged_before: str
    exchange_keys: str
    user_agent: str | None
    ip: str | None
    secret_digest: str | None

    @property
    def place(self) -> Place:
        """Where it stands in its user's list."""
        return Place(self.last_used_at, self.sid)

    def as_locked(self, now: float) -> LockedSession:
        """Return what a pair is minted from, where the row was locked before `now` was read."""
        values = {column.name: getattr(self, column.name) for column in fields(MintedFrom)}
        return LockedSession(**values, now=now)


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to be added. `account_version` was read before the user's identity was proven.

    `has_second_factor`: one was proven, and an account that has one needs that.
    `needs_verified_email`: the setting LOGIN_NEEDS_VERIFIED_EMAIL.
    `secret_digest` is for transport `session` alone. Each `_ttl` is in seconds.
    """

    sid: str
    user_id: str
    account_version: int
    transport: Transport
    idle_ttl: float
    session_ttl: float
    user_agent: str | None
    ip: str | None
    secret_digest: str | None
    amr: str
    client_id: str
    remember: bool
    has_second_factor: bool
    needs_verified_email: bool = False


# The account is there, and no stop has ended its sessions since the log-in: see stops.py.
LIVE = sa.exists(
    select(User.id).where(
        User.id == SESSIONS.c.user_id, User.session_generation <= SESSIONS.c.generation
    )
)
IN_FORCE = (SESSIONS.c.revoked_at.is_(None), SESSIONS.c.expires_at > db_now(), LIVE)
_COMPUTED = {"is_stopped": ~LIVE}
STORED = select(
    *(
        _COMPUTED[name].label(name) if name in _COMPUTED else SESSIONS.c[name]
        for name in (column.name for column in fields(StoredSession))
    )
)
LOCKED = (*(SESSIONS.c[column.name] for column in fields(MintedFrom)), db_now().label("now"))


def next_expiry(
    ends_at: ColumnElement[float], remember: ColumnElement[bool]
) -> ColumnElement[float]:
    """Return when a session that is used now expires: after its idle time, or at its end."""
    idle_ttl, day = bindparam("idle_ttl", type_=Double), UNREMEMBERED_IDLE_SECONDS
    idle_end = db_now() + sa.case((sa.or_(remember, idle_ttl < day), idle_ttl), else_=day)
    return sa.case((ends_at < idle_end, ends_at), else_=idle_end)


# Locked, and read after the wait for whoever changes the account: see users.lock.
_account = (
    select(User.id, User.scopes, User.session_generation)
    .where(
        User.id == bindparam("user_id"),
        User.version == bindparam("account_version"),
        User.disabled_at.is_(None),
        # One that was added meanwhile asks too: no path opens a session without it.
        sa.or_(User.second_factors == 0, bindparam("has_second_factor", type_=Boolean)),
        sa.or_(
            User.email_verified_at.is_not(None), ~bindparam("needs_verified_email", type_=Boolean)
        ),
    )
    .with_for_update(key_share=True)
    .subquery()
)
_remember = bindparam("remember", type_=Boolean)
_NEW: dict[str, ColumnElement[Any]] = {
    "created_at": db_now(),
    "last_used_at": db_now(),
    "exchanged_at": db_now(),
    "expires_at": next_expiry(db_now() + bindparam("session_ttl", type_=Double), _remember),
    "ends_at": db_now() + bindparam("session_ttl", type_=Double),
    "user_id": _account.c.id,
    "scopes": _account.c.scopes,
    "generation": _account.c.session_generation,
    "last_exchanged": bindparam("sid", type_=String),
    "remember": _remember,
    **{
        name: bindparam(name, type_=String)
        for name in ("sid", "transport", "user_agent", "ip", "secret_digest", "amr", "client_id")
    },
}
_INSERT = sa.insert(SESSIONS).from_select(list(_NEW), select(*_NEW.values())).returning(*LOCKED)


def add(connection: Connection, new: NewSession) -> LockedSession | None:
    """Add the session, which counts as exchanged now: its sid is its first token's parent.

    Return None, without effect, if by now the account is gone, disabled, of another version, not
    verified though it has to be, or has a second factor that was not proven.
    """
    row = connection.execute(_INSERT, asdict(new)).one_or_none()
    return None if row is None else LockedSession(*row)


# The order of sessions_in_force_idx, backwards. The clock is read once: as a function of each row
# it could not be compared within the index.
_ORDER = (SESSIONS.c.last_used_at, SESSIONS.c.sid)
_PAGE = (
    STORED.where(
        SESSIONS.c.user_id == bindparam("of_user"),
        SESSIONS.c.revoked_at.is_(None),
        SESSIONS.c.expires_at > select(db_now()).scalar_subquery(),
        LIVE,
    )
    .order_by(*(column.desc() for column in _ORDER))
    .limit(bindparam("at_most"))
)
_AFTER = sa.tuple_(bindparam("after_moment", type_=Double), bindparam("after_sid", type_=String))
_NEXT_PAGE = _PAGE.where(sa.tuple_(*_ORDER) < _AFTER)


def find(connection: Connection, sid: str) -> StoredSession | None:
    row = connection.execute(STORED.where(SESSIONS.c.sid == sid)).one_or_none()
    return None if row is None else StoredSession(*row)


def list_in_force(
    connection: Connection, user_id: str, after: Place | None, limit: int
) -> Sequence[StoredSession]:
    """Return the first sessions of a user that are neither revoked nor expired, or those `after`.

    The latest used first.
    """
    values: dict[str, Any] = {"of_user": user_id, "at_most": limit}
    if after is None:
        return [StoredSession(*row) for row in connection.execute(_PAGE, values).all()]
    values |= {"after_moment": after.at, "after_sid": after.id}
    return [StoredSession(*row) for row in connection.execute(_NEXT_PAGE, values).all()]


def revoke(tx: Transaction, sid: str, reason: RevokedReason) -> bool:
    """Revoke the session. False if it was revoked before: it keeps its time and reason."""
    is_revoked = bool(_revoke(tx, reason, SESSIONS.c.sid == sid))
    tx.note_revoked([sid])  # by another process, maybe: this one is not to wait for its poll
    return is_revoked


def revoke_own(tx: Transaction, user_id: str, sid: str, reason: RevokedReason) -> bool:
    """Revoke a session only if it is in force and belongs to this user."""
    which = (SESSIONS.c.sid == sid, SESSIONS.c.user_id == user_id, *IN_FORCE)
    return bool(_revoke(tx, reason, *which))


def is_in_force(connection: Connection, user_id: str, sid: str) -> bool:
    """Return whether the session is this user's, neither revoked nor expired."""
    which = (SESSIONS.c.sid == sid, SESSIONS.c.user_id == user_id, *IN_FORCE)
    return connection.execute(select(SESSIONS.c.sid).where(*which)).first() is not None


def find_surplus(connection: Connection, user_id: str, sid: str, most: int) -> Sequence[str]:
    """Return sessions in force past `most`, the longest unused ones. `sid` is never among them."""
    statement = (
        select(SESSIONS.c.sid)
        .where(SESSIONS.c.user_id == user_id, SESSIONS.c.sid != sid, *IN_FORCE)
        .order_by(SESSIONS.c.last_used_at.desc(), SESSIONS.c.created_at.desc(), SESSIONS.c.sid)
        .offset(most - 1)
        .limit(SURPLUS_AT_ONCE)
    )
    return connection.scalars(statement).all()


def _revoke(tx: Transaction, reason: RevokedReason, *which: ColumnElement[bool]) -> Sequence[str]:
    _lock_all(tx, SESSIONS.c.revoked_at.is_(None), *which)
    statement = (
        update(SESSIONS)
        .where(SESSIONS.c.revoked_at.is_(None), *which)
        .values(revoked_at=db_now(), revoked_reason=reason)
        .returning(SESSIONS.c.sid)
    )
    revoked: Sequence[str] = tx.scalars(statement).all()
    if revoked:
        notify(tx)
        tx.note_revoked(revoked)
    return revoked


def reissue(tx: Transaction, user_id: str, scopes: str) -> int:
    """Give a batch of sessions other scopes, and refuse their tokens from before; return how many.

    From the next whole second: `iat` has no fractions, so one of this second can't be told apart.
    The caller holds the user's lock (users.lock).
    """
    differs = (SESSIONS.c.user_id == user_id, SESSIONS.c.scopes != scopes, *IN_FORCE)
    sids = _lock_all(tx, *differs, most=BATCH_ROWS)
    which = (SESSIONS.c.sid.in_(sids), SESSIONS.c.revoked_at.is_(None))
    values = {"scopes": scopes, "tokens_from": sa.func.floor(db_now()) + 1}
    reissued = tx.execute(update(SESSIONS).where(*which).values(values)).rowcount
    if reissued:
        notify(tx)
    return reissued


def _lock_all(
    tx: Transaction, *which: ColumnElement[bool], most: int | None = None
) -> Sequence[str]:
    # PostgreSQL computes what an UPDATE writes before it waits for a row, and again only where the
    # holder wrote. A time that must not precede what the holder minted is read after the wait.
    statement = select(SESSIONS.c.sid).where(*which).order_by(SESSIONS.c.sid).limit(most)
    return tx.scalars(statement.with_for_update()).all()
