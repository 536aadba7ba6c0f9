"""Log-out, always idempotent, and the ends that a user gives to sessions.

By ENDING_SESSIONS_NEEDS_FRESH_LOGIN only the session of a credential ends without a fresh log-in.
"""

import re
from collections.abc import Collection

from authapi.config import Settings
from authapi.db import events, sessions, users
from authapi.db.database import Database, Transaction
from authapi.db.models import RevokedReason
from authapi.errors import NotFound
from authapi.services.accounts.freshness import require_fresh_to_end_sessions
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.revocation.stopping import follow_up, stop_sessions
from authapi.verifier import Claims

SID = re.compile(r"[A-Za-z0-9_-]{22}")


def log_out(db: Database, sids: Collection[str]) -> None:
    """Revoke the sessions."""
    with db.begin() as tx:
        for sid in sorted(sids):
            # A credential may be sent again and again, even when it has expired: no row for each.
            if sessions.revoke(tx, sid, RevokedReason.LOGOUT):
                session = sessions.find(tx, sid)
                user_id = session.user_id if session else None
                _record_revoked(tx, user_id, sid, RevokedReason.LOGOUT)


def log_out_everywhere(db: Database, settings: Settings, subject: Claims) -> None:
    """Revoke every session of the user. Raises InsufficientUserAuthentication."""
    _stop(db, settings, subject, RevokedReason.LOGOUT_ALL)


def end_session(db: Database, settings: Settings, subject: Claims, sid: str) -> None:
    """Revoke one of the user's sessions. Raises NotFound, InsufficientUserAuthentication."""
    if not SID.fullmatch(sid):  # PostgreSQL takes no NUL in a text
        raise NotFound
    reason = RevokedReason.ENDED_BY_USER
    with db.begin() as tx:
        # Nothing is written when either of the two refuses.
        if sid != subject.sid:
            require_fresh_to_end_sessions(tx, settings, subject)
        if not sessions.revoke_own(tx, subject.sub, sid, reason):
            raise NotFound
        _record_revoked(tx, subject.sub, sid, reason)


def end_other_sessions(db: Database, settings: Settings, subject: Claims) -> None:
    """Revoke the user's other sessions. Raises InsufficientUserAuthentication."""
    _stop(db, settings, subject, RevokedReason.ENDED_BY_USER)


def _stop(db: Database, settings: Settings, subject: Claims, reason: RevokedReason) -> None:
    user_id = subject.sub
    keep = "" if reason is RevokedReason.LOGOUT_ALL else subject.sid
    with db.begin() as tx:
        require_fresh_to_end_sessions(tx, settings, subject)
        if users.lock(tx, user_id) is None:
            return  # deleted meanwhile, and its sessions stopped
        stop = stop_sessions(tx, user_id, reason, keep=keep)
        # A log-in has an event. If there was none since the last end, nobody else is logged in, and
        # the same request again and again adds no row for each time.
        if events.find_newest_type(tx, user_id) != EventType.ALL_SESSIONS_REVOKED:
            fields = {"user_id": user_id, "reason": reason.value}
            record(tx, Event(EventType.ALL_SESSIONS_REVOKED, fields))
    follow_up(db, stop)


def _record_revoked(tx: Transaction, user_id: str | None, sid: str, reason: RevokedReason) -> None:
    fields = {"user_id": user_id, "sids": [sid], "reason": reason.value}
    record(tx, Event(EventType.SESSIONS_REVOKED, fields))
