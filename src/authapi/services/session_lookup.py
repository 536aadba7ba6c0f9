"""Transport `session`: an opaque id is looked up for each request.

  1  Redis, where there is one; else the database, whose answer Redis keeps
  2  the id's secret against the digest
  3  the revocation set, after any cache

A use is written down once a TOUCH_EVERY, not each time: idle time is long against that.
"""

from authapi.config import Settings
from authapi.crypto.session_ids import parse_session_id
from authapi.db import session_lookups
from authapi.db.engine import Database
from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession
from authapi.errors import InvalidToken, Unavailable
from authapi.services.revocation_feed import LOOK_BACK, RevocationFeed
from authapi.verifier import Claims, VerifierNotReadyError

TOUCH_EVERY = 60.0


def look_up_session(
    db: Database,
    cache: SessionCache,
    settings: Settings,
    feed: RevocationFeed,
    cookie: str,
    *,
    now: float,
) -> Claims:
    """Who a session id stands for. Raises InvalidToken, Unavailable."""
    session_id = parse_session_id(cookie)
    if session_id is None:
        raise InvalidToken
    session = cache.find(session_id.sid)
    if session and _is_refused(feed, session, issued_at=int(session.read_at - LOOK_BACK)):
        # Revoked, or maybe read before a change of its scopes was committed: the database knows.
        cache.forget(session.sid)
        session = None
    if session is None:
        session = _read(db, cache, feed, session_id.sid, now)
    if not session_id.is_known_by(session.secret_digest) or session.expires_at <= now:
        raise InvalidToken
    if now - session.last_used_at >= min(TOUCH_EVERY, settings.refresh_idle_ttl / 2):
        with db.autocommit() as tx:
            lives = session_lookups.touch(tx, session.sid, settings.refresh_idle_ttl)
        cache.forget(session.sid)
        if not lives:
            raise InvalidToken
    return _claims(session, issued_at=int(now))


def _read(
    db: Database, cache: SessionCache, feed: RevocationFeed, sid: str, now: float
) -> FoundSession:
    with db.autocommit() as tx:
        session = session_lookups.find(tx, sid)
    # Its row can't say yet what another process is about to commit; the set may have heard.
    if session is None or _is_refused(feed, session, issued_at=int(session.read_at) + 1):
        raise InvalidToken
    cache.keep(session, now=now)
    return session


def _is_refused(feed: RevocationFeed, session: FoundSession, *, issued_at: int) -> bool:
    try:
        return feed.refuses(_claims(session, issued_at=issued_at))
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
