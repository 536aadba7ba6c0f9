"""How a refresh rewrites its session's row. One statement settles each race."""

from dataclasses import dataclass

from sqlalchemy import Connection, Double, bindparam, func, update

from authapi.db.clock import db_now, read_clock
from authapi.db.models import Carrier, Transport
from authapi.db.sessions import (
    IN_FORCE,
    LOCKED,
    SESSIONS,
    STORED,
    LockedSession,
    StoredSession,
    next_expiry,
)

REMEMBERED_JTIS = 7  # with the last exchanged one, eight
REMEMBERED_KEYS = 8
JTI_WIDTH = 22 + 1  # and the space after it

# The transports whose refresh token the carrier brings, as the two values of a statement.
_TRANSPORTS = {
    Carrier.BODY: (Transport.BEARER, Transport.BEARER),
    Carrier.COOKIE: (Transport.HYBRID, Transport.COOKIE),
}


@dataclass(frozen=True, slots=True)
class Exchange:
    """A refresh token used for the first time.

    `settled_after` (seconds): how long its parent must have been exchanged already.
    `key_digest` is that of the Idempotency-Key, or empty.
    """

    sid: str
    jti: str
    parent: str
    token_expires_at: float
    carrier: Carrier
    settled_after: float
    key_digest: str
    idle_ttl: float


# One statement settles every race: of two requests with one token, one finds its parent still in
# last_exchanged; the other waits for the row, looks again and finds the token itself there.
_EXCHANGE = (
    update(SESSIONS)
    .where(
        SESSIONS.c.sid == bindparam("of_sid"),
        SESSIONS.c.transport.in_((bindparam("of_transport"), bindparam("or_transport"))),
        SESSIONS.c.last_exchanged == bindparam("parent"),
        *IN_FORCE,
        db_now() < bindparam("token_expires_at", type_=Double),
        db_now() - SESSIONS.c.exchanged_at >= bindparam("settled_after", type_=Double),
        ~SESSIONS.c.exchange_keys.contains(bindparam("key")),
    )
    .values(
        last_exchanged=bindparam("jti"),
        exchanged_before=func.substr(
            SESSIONS.c.last_exchanged + " " + SESSIONS.c.exchanged_before,
            1,
            REMEMBERED_JTIS * JTI_WIDTH,
        ),
        exchanged_at=db_now(),
        exchange_keys=bindparam("key_digest"),
        last_used_at=db_now(),
        expires_at=next_expiry(SESSIONS.c.ends_at, SESSIONS.c.remember),
    )
    .returning(*LOCKED)
)


def exchange(connection: Connection, wanted: Exchange) -> LockedSession | None:
    """Exchange the token and return its session, or return None without any effect."""
    of_transport, or_transport = _TRANSPORTS[wanted.carrier]
    values = {
        "of_sid": wanted.sid,
        "jti": wanted.jti,
        "parent": wanted.parent,
        "token_expires_at": wanted.token_expires_at,
        "of_transport": of_transport,
        "or_transport": or_transport,
        "settled_after": wanted.settled_after,
        "key": wanted.key_digest or "none",  # an empty one would be found in every row
        "key_digest": wanted.key_digest,
        "idle_ttl": wanted.idle_ttl,
    }
    row = connection.execute(_EXCHANGE, values).one_or_none()
    return None if row is None else LockedSession(*row)


def lock(connection: Connection, sid: str) -> tuple[StoredSession, float] | None:
    """Return the session as it is now, and the database's time, read under the lock."""
    statement = STORED.where(SESSIONS.c.sid == sid).with_for_update()
    row = connection.execute(statement).one_or_none()
    return None if row is None else (StoredSession(*row), read_clock(connection))


def is_carried(stored: StoredSession, carrier: Carrier) -> bool:
    """Return whether the session's refresh token comes by this carrier."""
    return stored.transport in _TRANSPORTS[carrier]


def remember_key(connection: Connection, stored: StoredSession, key_digest: str) -> None:
    """Note that the last exchange was repeated under this key too; the newest eight are kept."""
    if not key_digest:
        return
    digests = [key_digest, *stored.exchange_keys.split()][:REMEMBERED_KEYS]
    connection.execute(
        update(SESSIONS).where(SESSIONS.c.sid == stored.sid).values(exchange_keys=" ".join(digests))
    )
