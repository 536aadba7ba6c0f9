"""Log-out, always idempotent: what a genuine credential names has ended afterwards.

One that has expired, was exchanged or is of a revoked session still says who wants to leave:
refusing it would leave a session behind that its owner believes to have ended.
"""

import structlog
from sqlalchemy.orm import Session as Transaction

from authapi.crypto.refresh_tokens import RefreshTokens
from authapi.db import sessions, users
from authapi.db.engine import Database
from authapi.errors import InvalidToken, NoCredential
from authapi.services.refresh_rotation import BODY
from authapi.services.revocation_feed import RevocationFeed
from authapi.verifier import InvalidTokenError, Verifier

log = structlog.get_logger()


def log_out(
    db: Database,
    verifier: Verifier,
    refresh_tokens: RefreshTokens,
    revocations: RevocationFeed,
    access_token: str | None,
    refresh_token: str | None,
) -> None:
    """Revoke the session of each genuine credential; `refresh_token` came in a body.

    Raises NoCredential without any, InvalidToken without a genuine one, Unavailable.
    """
    if access_token is None and refresh_token is None:
        raise NoCredential
    with db.begin() as tx:
        sids = _sid_of_access_token(verifier, access_token)
        sids |= _sid_of_refresh_token(tx, refresh_tokens, refresh_token)
        for sid in sorted(sids):
            sessions.revoke(tx, sid, "logout")
    if not sids:
        raise InvalidToken
    revocations.add(sids)
    log.info("sessions_revoked", sids=sorted(sids), reason="logout")


def log_out_everywhere(db: Database, revocations: RevocationFeed, user_id: str) -> None:
    """Revoke every session of the user. Raises Unavailable."""
    with db.begin() as tx:
        users.lock(tx, user_id)
        sids = sessions.revoke_all(tx, user_id, "logout_all")
    revocations.add(sids)
    log.info("sessions_revoked", sids=list(sids), reason="logout_all")


def _sid_of_access_token(verifier: Verifier, token: str | None) -> set[str]:
    try:
        return {verifier.identify(token).sid} if token is not None else set()
    except InvalidTokenError:
        return set()


def _sid_of_refresh_token(
    tx: Transaction, refresh_tokens: RefreshTokens, token: str | None
) -> set[str]:
    try:
        sid = refresh_tokens.verify(token).sid if token is not None else None
    except InvalidTokenError:
        return set()
    session = sessions.find(tx, sid) if sid else None
    # A token that lives in a cookie is refused in a body; of a purged session nothing is left.
    if session and session.transport not in BODY:
        return set()
    return {sid} if sid else set()
