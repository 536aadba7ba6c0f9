"""The table `sessions`: one row per log-in, which every refresh rewrites in place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from sqlalchemy import (
    Connection,
    Double,
    String,
    Table,
    bindparam,
    case,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.orm import Session as Transaction
from sqlalchemy.sql.elements import ColumnElement

from authapi.db.clock import db_now
from authapi.db.models import Session, User
from authapi.db.revocations import notify

REMEMBERED_BEFORE = 7  # with the last exchanged one, eight
REMEMBERED_KEYS = 8
JTI_WIDTH = 22 + 1  # and the space after it

_table = cast("Table", Session.__table__)


@dataclass(frozen=True, slots=True)
class LockedSession:
    """What a token pair is minted from. `now` was read from the database under the row's lock."""

    sid: str
    user_id: str
    transport: str
    scopes: str
    created_at: float
    exchanged_at: float
    expires_at: float
    ends_at: float
    tokens_from: float | None
    now: float


_LOCKED = (
    _table.c.sid,
    _table.c.user_id,
    _table.c.transport,
    _table.c.scopes,
    _table.c.created_at,
    _table.c.exchanged_at,
    _table.c.expires_at,
    _table.c.ends_at,
    _table.c.tokens_from,
    db_now().label("now"),
)


def _expiry(ends_at: ColumnElement[float]) -> ColumnElement[float]:
    idle_end = db_now() + bindparam("idle_ttl", type_=Double)
    return case((ends_at < idle_end, ends_at), else_=idle_end)


# Locked, and read after the wait for whoever changes the account: see users.lock.
_account = (
    select(User.id, User.scopes)
    .where(
        User.id == bindparam("user_id"),
        User.password_hash == bindparam("password_hash"),
        User.disabled_at.is_(None),
    )
    .with_for_update(key_share=True)
    .subquery()
)
_NEW: dict[str, ColumnElement[Any]] = {
    "created_at": db_now(),
    "last_used_at": db_now(),
    "exchanged_at": db_now(),
    "expires_at": _expiry(db_now() + bindparam("session_ttl", type_=Double)),
    "ends_at": db_now() + bindparam("session_ttl", type_=Double),
    "sid": bindparam("sid", type_=String),
    "user_id": _account.c.id,
    "transport": bindparam("transport", type_=String),
    "scopes": _account.c.scopes,
    "last_exchanged": bindparam("sid", type_=String),
    "user_agent": bindparam("user_agent", type_=String),
    "ip": bindparam("ip", type_=String),
    "secret_digest": bindparam("secret_digest", type_=String),
}
_INSERT = insert(_table).from_select(list(_NEW), select(*_NEW.values())).returning(*_LOCKED)


class NewSession(NamedTuple):
    """Of the user whose password was found right against `password_hash`.

    `secret_digest` is that of transport `session`'s secret, or None. The times are in seconds.
    """

    sid: str
    user_id: str
    password_hash: str
    transport: str
    idle_ttl: float
    session_ttl: float
    user_agent: str | None
    ip: str | None
    secret_digest: str | None = None


def add(tx: Transaction | Connection, new: NewSession) -> LockedSession | None:
    """The session, which counts as exchanged (its sid is its first token's parent) now.

    None, and no effect, if by now the account is gone, disabled, or has another password.
    """
    row = tx.execute(_INSERT, new._asdict()).one_or_none()
    return None if row is None else LockedSession(*row)


# One statement settles every race: of two requests with one token, one finds its parent still in
# last_exchanged; the other waits for the row, looks again and finds the token itself there.
_EXCHANGE = (
    update(_table)
    .where(
        _table.c.sid == bindparam("of_sid"),
        _table.c.transport.in_((bindparam("of_transport"), bindparam("or_transport"))),
        _table.c.last_exchanged == bindparam("parent"),
        _table.c.revoked_at.is_(None),
        _table.c.expires_at > db_now(),
        db_now() < bindparam("token_expires_at", type_=Double),
        db_now() - _table.c.exchanged_at >= bindparam("settled_after", type_=Double),
        ~_table.c.exchange_keys.contains(bindparam("key")),
    )
    .values(
        last_exchanged=bindparam("jti"),
        exchanged_before=func.substr(
            _table.c.last_exchanged + " " + _table.c.exchanged_before,
            1,
            REMEMBERED_BEFORE * JTI_WIDTH,
        ),
        exchanged_at=db_now(),
        exchange_keys=bindparam("key_digest"),
        last_used_at=db_now(),
        expires_at=_expiry(_table.c.ends_at),
    )
    .returning(*_LOCKED)
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A refresh token used for the first time; `transports` are those it may belong to.

    `settled_after` (seconds): how long its parent must have been exchanged already.
    `key_digest` is that of the Idempotency-Key, or empty.
    """

    sid: str
    jti: str
    parent: str
    token_expires_at: float
    transports: tuple[str, str]
    settled_after: float
    key_digest: str
    idle_ttl: float


def exchange(tx: Transaction | Connection, wanted: Exchange) -> LockedSession | None:
    """Exchange the token if nothing speaks against it; None, and no effect, if anything does."""
    values = {
        "of_sid": wanted.sid,
        "jti": wanted.jti,
        "parent": wanted.parent,
        "token_expires_at": wanted.token_expires_at,
        "of_transport": wanted.transports[0],
        "or_transport": wanted.transports[1],
        "settled_after": wanted.settled_after,
        "key": wanted.key_digest or "none",  # an empty one would be found in every row
        "key_digest": wanted.key_digest,
        "idle_ttl": wanted.idle_ttl,
    }
    row = tx.execute(_EXCHANGE, values).one_or_none()
    return None if row is None else LockedSession(*row)


def find(tx: Transaction, sid: str) -> Session | None:
    return tx.get(Session, sid)


def lock(tx: Transaction, sid: str) -> tuple[Session, float] | None:
    """The session as it is now, and the database's time, read after the lock was held."""
    row = tx.scalar(
        select(Session)
        .where(Session.sid == sid)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return None if row is None else (row, tx.scalars(select(db_now())).one())


def as_locked(row: Session, now: float) -> LockedSession:
    """What `lock` returned, as what a pair is minted from."""
    return LockedSession(
        sid=row.sid,
        user_id=row.user_id or "",
        transport=row.transport,
        scopes=row.scopes,
        created_at=row.created_at,
        exchanged_at=row.exchanged_at,
        expires_at=row.expires_at,
        ends_at=row.ends_at,
        tokens_from=row.tokens_from,
        now=now,
    )


def remember_key(tx: Transaction, row: Session, key_digest: str) -> None:
    """The last exchange was repeated under this key too; the newest eight are kept."""
    digests = [key_digest, *row.exchange_keys.split()] if key_digest else row.exchange_keys.split()
    row.exchange_keys = " ".join(digests[:REMEMBERED_KEYS])
    tx.flush()


def revoke(tx: Transaction, sid: str, reason: str) -> bool:
    """Whether this call revoked it; one that was revoked before keeps its time and reason."""
    return bool(_revoke(tx, reason, Session.sid == sid))


def revoke_own(tx: Transaction, user_id: str, sid: str, reason: str) -> bool:
    """The same, for a session that is in force and that user's."""
    in_force = Session.expires_at > db_now()
    return bool(_revoke(tx, reason, Session.sid == sid, Session.user_id == user_id, in_force))


def revoke_all(
    tx: Transaction, user_id: str, reason: str, *, keep: str | None = None
) -> Sequence[str]:
    """The sids that this call revoked. The caller holds the user's lock (users.lock)."""
    return _revoke(tx, reason, Session.user_id == user_id, Session.sid != (keep or ""))


def _revoke(tx: Transaction, reason: str, *which: ColumnElement[bool]) -> Sequence[str]:
    _lock_all(tx, _table.c.revoked_at.is_(None), *which)
    statement = (
        update(_table)
        .where(_table.c.revoked_at.is_(None), *which)
        .values(revoked_at=db_now(), revoked_reason=reason)
        .returning(_table.c.sid)
    )
    revoked = tx.scalars(statement).all()
    if revoked:
        notify(tx)
    return revoked


def reissue_all(tx: Transaction, user_id: str, scopes: str) -> Sequence[tuple[str, float]]:
    """Give the sessions other scopes, and refuse their tokens from before: sid and `tokens_from`.

    The next whole second: `iat` has no fractions, so one of this second can't be told apart. The
    caller holds the user's lock (users.lock).
    """
    _lock_all(tx, _table.c.user_id == user_id, _table.c.revoked_at.is_(None))
    statement = (
        update(_table)
        .where(_table.c.user_id == user_id, _table.c.revoked_at.is_(None))
        .values(scopes=scopes, tokens_from=func.floor(db_now()) + 1)
        .returning(_table.c.sid, _table.c.tokens_from)
    )
    reissued = [(sid, tokens_from) for sid, tokens_from in tx.execute(statement)]
    if reissued:
        notify(tx)
    return reissued


def _lock_all(tx: Transaction, *which: ColumnElement[bool]) -> None:
    # PostgreSQL computes what an UPDATE writes before it waits for a row, and again only where the
    # holder wrote. A time that must not precede what the holder minted is read after the wait.
    tx.execute(select(_table.c.sid).where(*which).order_by(_table.c.sid).with_for_update())


def list_in_force(tx: Transaction, user_id: str) -> Sequence[Session]:
    """Neither revoked nor expired, the latest used first."""
    return tx.scalars(
        select(Session)
        .where(
            Session.user_id == user_id,
            Session.revoked_at.is_(None),
            Session.expires_at > db_now(),
        )
        .order_by(Session.last_used_at.desc(), Session.sid)
    ).all()


def forget_person(tx: Transaction, user_id: str) -> None:
    """What a user's sessions tell about the person, before the user goes."""
    tx.execute(update(Session).where(Session.user_id == user_id).values(user_agent=None, ip=None))
