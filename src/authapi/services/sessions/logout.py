"""Log-out, always idempotent; and a user's list of sessions, from which each can be ended."""

import re
from collections.abc import Collection, Sequence

import structlog

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import Session
from authapi.errors import NotFound
from authapi.services.revocation.feed import RevocationFeed

log = structlog.get_logger()

SID = re.compile(r"[A-Za-z0-9_-]{22}")


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


def list_sessions(db: Database, user_id: str) -> Sequence[Session]:
    """The sessions in force, the latest used first. Raises Unavailable."""
    with db.autocommit() as tx:
        return sessions.list_in_force(tx, user_id)


def end_session(db: Database, revocations: RevocationFeed, user_id: str, sid: str) -> None:
    """Raises NotFound for one that is not in force or not the user's own, Unavailable."""
    ended = False
    if SID.fullmatch(sid):  # what can be no sid, a NUL above all, is no business of the database
        with db.begin() as tx:
            ended = sessions.revoke_own(tx, user_id, sid, "ended_by_user")
    if not ended:
        raise NotFound
    revocations.add([sid])
    log.info("sessions_revoked", sids=[sid], reason="ended_by_user")


def end_other_sessions(db: Database, revocations: RevocationFeed, user_id: str, sid: str) -> None:
    """Every session of the user but `sid`. Raises Unavailable."""
    with db.begin() as tx:
        users.lock(tx, user_id)
        ended = sessions.revoke_all(tx, user_id, "ended_by_user", keep=sid)
    revocations.add(ended)
    log.info("sessions_revoked", sids=list(ended), reason="ended_by_user")
