"""The sessions that a request's credentials name, for log-out, log-in and CSRF.

A genuine credential names its session even if it expired, was exchanged or is revoked.
"""

from dataclasses import dataclass

from authapi.crypto.refresh_tokens import RefreshTokens
from authapi.crypto.session_ids import parse_session_id
from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.exchanges import is_carried
from authapi.db.models import Carrier
from authapi.verifier import InvalidTokenError, Verifier


@dataclass(frozen=True, slots=True)
class SentCredentials:
    """The credentials of a request, None for each that it lacks."""

    access_token: str | None = None
    access_cookie: str | None = None
    body_refresh_token: str | None = None
    cookie_refresh_token: str | None = None
    session_id: str | None = None

    def __bool__(self) -> bool:
        return self != SentCredentials()


def identify_sessions(
    db: Database, verifier: Verifier, refresh_tokens: RefreshTokens, presented: SentCredentials
) -> set[str]:
    """Return the sids that genuine credentials name."""
    named = {
        _of_access_token(verifier, presented.access_token),
        _of_access_token(verifier, presented.access_cookie),
        _of_refresh_token(db, refresh_tokens, presented.body_refresh_token, Carrier.BODY),
        _of_refresh_token(db, refresh_tokens, presented.cookie_refresh_token, Carrier.COOKIE),
        _of_session_id(db, presented.session_id),
    }
    return {sid for sid in named if sid}


def _of_access_token(verifier: Verifier, token: str | None) -> str | None:
    try:
        return verifier.identify(token).sid if token is not None else None
    except InvalidTokenError:
        return None


def _of_refresh_token(
    db: Database, refresh_tokens: RefreshTokens, token: str | None, carrier: Carrier
) -> str | None:
    if token is None:
        return None
    try:
        sid = refresh_tokens.verify(token).sid
    except InvalidTokenError:
        return None
    with db.connect() as connection:
        session = sessions.find(connection, sid)
    # A cookie's token is refused in a body. A purged session has no transport to compare.
    return None if session and not is_carried(session, carrier) else sid


def _of_session_id(db: Database, text: str | None) -> str | None:
    session_id = parse_session_id(text) if text is not None else None
    if session_id is None:
        return None
    with db.connect() as connection:
        session = sessions.find(connection, session_id.sid)
    return session_id.sid if session and session_id.is_known_by(session.secret_digest) else None
