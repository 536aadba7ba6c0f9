"""Log-out, always idempotent: the session has ended afterwards, whatever it was before."""

from collections.abc import Collection

import structlog

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.services.revocation_feed import RevocationFeed

log = structlog.get_logger()


def log_out(db: Database, revocations: RevocationFeed, sids: Collection[str]) -> None:
    """Revoke the sessions. Raises Unavailable."""
    with db.begin() as tx:
        for sid in sorted(sids):
            sessions.revoke(tx, sid, "logout")
    revocations.add(sids)
    log.info("sessions_revoked", sids=sorted(sids), reason="logout")


def log_out_everywhere(db: Database, revocations: RevocationFeed, user_id: str) -> None:
    """Revoke every session of the user. Raises Unavailable."""
    with db.begin() as tx:
        users.lock(tx, user_id)
        sids = sessions.revoke_all(tx, user_id, "logout_all")
    revocations.add(sids)
    log.info("sessions_revoked", sids=list(sids), reason="logout_all")
