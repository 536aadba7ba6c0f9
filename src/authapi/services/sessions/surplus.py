"""Past MAX_SESSIONS the session of an account that was unused longest ends (ASVS 7.1.2)."""

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.db.sessions import LockedSession
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record


def end_surplus(db: Database, new: LockedSession, most: int) -> None:
    """End what is past `most`, but never the new session. 0: no limit."""
    # After the commit, which every later log-in sees: of several at once, the last one counts all.
    user_id = new.user_id or ""
    with db.connect() as connection:
        if not (most and sessions.find_surplus(connection, user_id, new.sid, most)):
            return
    with db.begin() as tx:
        users.lock(tx, user_id)
        sids = sessions.find_surplus(tx, user_id, new.sid, most)
        for sid in sorted(sids):
            sessions.revoke(tx, sid, RevokedReason.TOO_MANY_SESSIONS)
        if sids:
            reason = RevokedReason.TOO_MANY_SESSIONS.value
            fields = {"user_id": user_id, "sids": sids, "reason": reason}
            record(tx, Event(EventType.SESSIONS_REVOKED, fields))
