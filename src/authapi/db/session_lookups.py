"""What transport `session` reads for each request, and writes now and then."""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Double, bindparam, case, select, update

from authapi.db.clock import db_now
from authapi.db.models import Session


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
    read_at: float

    def as_json(self) -> dict[str, str | float]:
        return asdict(self)


_FIND = select(
    Session.sid,
    Session.user_id,
    Session.scopes,
    Session.secret_digest,
    Session.created_at,
    Session.last_used_at,
    Session.expires_at,
    db_now(),
).where(
    Session.sid == bindparam("of_sid"),
    Session.transport == "session",
    Session.revoked_at.is_(None),
    Session.expires_at > db_now(),
)


def find(connection: Connection, sid: str) -> FoundSession | None:
    """Return the session, or None if it is revoked, expired, or of another transport."""
    row = connection.execute(_FIND, {"of_sid": sid}).one_or_none()
    if row is None:
        return None
    sid, user_id, scopes, digest, created_at, last_used_at, expires_at, read_at = row
    return FoundSession(
        sid, user_id or "", scopes, digest or "", created_at, last_used_at, expires_at, read_at
    )


_idle_end = db_now() + bindparam("idle_ttl", type_=Double)
_TOUCH = (
    update(Session)
    .where(
        Session.sid == bindparam("of_sid"),
        Session.revoked_at.is_(None),
        Session.expires_at > db_now(),
    )
    .values(
        last_used_at=db_now(),
        expires_at=case((Session.ends_at < _idle_end, Session.ends_at), else_=_idle_end),
    )
    .returning(Session.sid)
)


def touch(connection: Connection, sid: str, idle_ttl: float) -> bool:
    """Begin the session's idle time anew. Return False, without effect, if it has ended."""
    touched = connection.execute(_TOUCH, {"of_sid": sid, "idle_ttl": idle_ttl})
    return touched.one_or_none() is not None
