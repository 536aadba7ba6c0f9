"""A user's list of sessions, in pages: those in force, the latest used first.

A page begins behind the last session of the page before (a keyset, no offset). So every page costs
the same, and none is told twice. A session that is used meanwhile moves to the front of the list,
where a new walk finds it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from struct import Struct

from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.sessions import Place, StoredSession
from authapi.errors import InvalidField

CURSOR = re.compile(r"[A-Za-z0-9_-]{40}")
PLACE = Struct(">d22s")  # 30 bytes: base64 needs no padding
SID = re.compile(rb"[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class SessionPage:
    """A page, and the cursor of the next one, if there is one."""

    sessions: Sequence[StoredSession]
    next_cursor: str | None


def list_sessions(db: Database, user_id: str, cursor: str | None, limit: int) -> SessionPage:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""
    after = None if cursor is None else _place_at(cursor)
    with db.connect() as connection:
        found = sessions.list_in_force(connection, user_id, after, limit + 1)
    shown = found[:limit]
    return SessionPage(shown, _cursor_after(shown[-1]) if len(found) > limit else None)


def _cursor_after(session: StoredSession) -> str:
    return urlsafe_b64encode(PLACE.pack(session.last_used_at, session.sid.encode())).decode()


def _place_at(cursor: str) -> Place:
    if CURSOR.fullmatch(cursor):
        last_used_at, sid = PLACE.unpack(urlsafe_b64decode(cursor))
        if isfinite(last_used_at) and SID.fullmatch(sid):
            return Place(last_used_at, sid.decode())
    raise InvalidField("cursor", "This is not a cursor of ours.", "cursor_invalid", place="query")
