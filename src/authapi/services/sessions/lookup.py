"""Transport `session`: an opaque id is looked up for each request.

  1  Redis, where there is one; else the database, whose answer Redis keeps
  2  the id's secret against the digest
  3  the revocation set, after any cache

A use is written down once every TOUCH_SECONDS, not each time: idle time is long against that.
"""

from dataclasses import dataclass

from authapi.crypto.session_ids import SessionId
from authapi.db import session_lookups
from authapi.db.database import Database
from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession
from authapi.errors import InvalidToken, Unavailable
from authapi.services.revocation.feed import RevocationFeed
from authapi.verifier import Claims, VerifierNotReadyError
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS

TOUCH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lookups:
    """Where sessions are looked up, and what is asked after it. `idle_ttl` is in seconds."""

    db: Database
    cache: SessionCache
    revocations: RevocationFeed
    idle_ttl: float


def accept_cached(
    lookups: Lookups, session_id: SessionId, cached: FoundSession, *, now: float
) -> Claims | None:
    """Return the subject by what Redis says, without I/O; None where the database must be asked.

    Raises InvalidToken, Unavailable.
    """
    if _is_stale(lookups, cached) or _is_touch_due(lookups, cached, now):
        return None
    _require_own(session_id, cached, now)
    return _claims(cached, issued_at=int(now))


def look_up_session(
    lookups: Lookups, session_id: SessionId, cached: FoundSession | None, *, now: float
) -> Claims:
    """Return the subject of a session id; `cached` is Redis's answer.

    Raises InvalidToken, Unavailable.
    """
    session = cached
    if session and _is_stale(lookups, session):
        lookups.cache.forget(session.sid)
        session = None
    if session is None:
        session = _read(lookups, session_id.sid, now)
    _require_own(session_id, session, now)
    if _is_touch_due(lookups, session, now):
        _touch(lookups, session.sid)
    return _claims(session, issued_at=int(now))


def _touch(lookups: Lookups, sid: str) -> None:
    with lookups.db.connect(to_write=True) as connection:
        lives = session_lookups.touch(connection, sid, lookups.idle_ttl)
    lookups.cache.forget(sid)
    if not lives:
        raise InvalidToken


def _is_stale(lookups: Lookups, cached: FoundSession) -> bool:
    # Revoked, or maybe read before a change of its scopes was committed: the database knows.
    return _is_refused(lookups, cached, issued_at=int(cached.read_at - LOOK_BACK_SECONDS))


def _is_touch_due(lookups: Lookups, session: FoundSession, now: float) -> bool:
    return now - session.last_used_at >= min(TOUCH_SECONDS, lookups.idle_ttl / 2)


def _require_own(session_id: SessionId, session: FoundSession, now: float) -> None:
    if not session_id.is_known_by(session.secret_digest) or session.expires_at <= now:
        raise InvalidToken


def _read(lookups: Lookups, sid: str, now: float) -> FoundSession:
    with lookups.db.connect() as connection:
        session = session_lookups.find(connection, sid)
    # Its row can't say yet what another process is about to commit; the set may have heard.
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
        raw={},
    )
