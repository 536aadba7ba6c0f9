"""What transport `session` reads for each request, and writes now and then."""

from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, update

from authapi.db.clock import db_now
from authapi.db.models import Transport
from authapi.db.sessions import IN_FORCE, SESSIONS, next_expiry


@dataclass(frozen=True, slots=True)
class FoundSession:
    """A session in force when it was read. Times are Unix seconds."""

    sid: str
    user_id: str
    scopes: str
    secret_digest: str
    created_at: float
    last_used_at: float
    expires_at: float
    amr: str
    read_at: float


_IN_FORCE = (SESSIONS.c.sid == bindparam("of_sid"), *IN_FORCE)
_OF_ROW = [SESSIONS.c[column.name] for column in fields(FoundSession) if column.name != "read_at"]
_FIND: Select[*tuple[Any, ...]] = select(*_OF_ROW, db_now()).where(
    *_IN_FORCE, SESSIONS.c.transport == Transport.SESSION
)
_TOUCH = (
    update(SESSIONS)
    .where(*_IN_FORCE)
    .values(last_used_at=db_now(), expires_at=next_expiry(SESSIONS.c.ends_at, SESSIONS.c.remember))
    .returning(*_OF_ROW, db_now())
)


def find(connection: Connection, sid: str) -> FoundSession | None:
    """Return the session, or None if it is revoked, expired, or of another transport."""
    row = connection.execute(_FIND, {"of_sid": sid}).one_or_none()
    return None if row is None else FoundSession(*row)


def touch(connection: Connection, sid: str, idle_ttl: float) -> FoundSession | None:
    """Begin the session's idle time anew, and return it. None, without effect, if it has ended."""
    row = connection.execute(_TOUCH, {"of_sid": sid, "idle_ttl": idle_ttl}).one_or_none()
    return None if row is None else FoundSession(*row)
