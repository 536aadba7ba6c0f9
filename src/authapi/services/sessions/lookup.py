"""Transport `session`: the opaque id of each request is looked up.

  1  Redis, if there is one; else the database, and Redis keeps its answer
  2  the id's secret against the digest
  3  the revocation set, after any cache

The database stores a use once every TOUCH_SECONDS: the idle time is much longer. This also bounds
an old entry that somebody puts back into Redis. The revocation set refuses it for an hour. Once its
last use is TOUCH_SECONDS old, the database is asked for the session: the entry's scopes may be of
long ago.
"""

from dataclasses import dataclass

from authapi.crypto.session_ids import SessionId
from authapi.db import session_lookups
from authapi.db.database import Database
from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession
from authapi.errors import InvalidToken, Unavailable
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.sessions.token_issue import auth_claims
from authapi.verifier import Claims, VerifierNotReadyError
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS

TOUCH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lookups:
    """The tools of a look-up. `idle_ttl` is in seconds."""

    db: Database
    cache: SessionCache
    revocations: RevocationFeed
    idle_ttl: float


def accept_cached(
    lookups: Lookups, session_id: SessionId, cached: FoundSession, *, now: float
) -> Claims | None:
    """Return the subject by Redis's answer, or None if the database has to be asked.

    Does no I/O. Raises InvalidToken, Unavailable.
    """
    if _is_stale(lookups, cached) or _is_touch_due(lookups, cached, now):
        return None
    _require_own(session_id, cached, now)
    return _claims(cached, issued_at=int(now))


def look_up_session(
    lookups: Lookups, session_id: SessionId, cached: FoundSession | None, *, now: float
) -> Claims:
    """Return the subject of a session id; `cached` is Redis's answer. Raises InvalidToken."""
    if cached and _is_stale(lookups, cached):
        lookups.cache.forget(cached.sid)
        cached = None
    session = cached or _read(lookups, session_id.sid, now)
    _require_own(session_id, session, now)
    if _is_touch_due(lookups, session, now):
        session = _touch(lookups, session.sid)
    return _claims(session, issued_at=int(now))


def _touch(lookups: Lookups, sid: str) -> FoundSession:
    with lookups.db.connect(to_write=True) as connection:
        touched = session_lookups.touch(connection, sid, lookups.idle_ttl)
    lookups.cache.forget(sid)
    if touched is None:
        raise InvalidToken
    return touched


def _is_stale(lookups: Lookups, cached: FoundSession) -> bool:
    # Revoked, or maybe read before a commit changed its scopes: the database knows.
    return _is_refused(lookups, cached, issued_at=int(cached.read_at - LOOK_BACK_SECONDS))


def _is_touch_due(lookups: Lookups, session: FoundSession, now: float) -> bool:
    return now - session.last_used_at >= min(TOUCH_SECONDS, lookups.idle_ttl / 2)


def _require_own(session_id: SessionId, session: FoundSession, now: float) -> None:
    if not session_id.is_known_by(session.secret_digest) or session.expires_at <= now:
        raise InvalidToken


def _read(lookups: Lookups, sid: str, now: float) -> FoundSession:
    with lookups.db.connect() as connection:
        session = session_lookups.find(connection, sid)
    # The set may know of a commit of another process that came after this read.
    if session is None or _is_refused(lookups, session, issued_at=int(session.read_at) + 1):
        raise InvalidToken
    lookups.cache.keep(session, now=now)
    return session


def _is_refused(lookups: Lookups, session: FoundSession, *, issued_at: int) -> bool:
    try:
        return lookups.revocations.refuses(_claims(session, issued_at=issued_at))
    except VerifierNotReadyError as error:
        raise Unavailable from error


def _claims(session: FoundSession, *, issued_at: int) -> Claims:
    return Claims(
        sub=session.user_id,
        sid=session.sid,
        scopes=frozenset(session.scopes.split()),
        expires_at=int(session.expires_at),
        issued_at=issued_at,
        key_id="",
        raw=auth_claims(session.created_at, session.amr),
    )
