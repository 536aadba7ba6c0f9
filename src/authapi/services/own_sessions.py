"""A user's list of sessions, and ending them from it."""

import re
from collections.abc import Sequence

import structlog

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import Session
from authapi.errors import NotFound
from authapi.services.revocation_feed import RevocationFeed

log = structlog.get_logger()

SID = re.compile(r"[A-Za-z0-9_-]{22}")


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
