"""A user's list of sessions: those in force, the latest used first.

A session that is used meanwhile moves to the front of the list, where a new walk finds it.
"""

from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.pages import Page, read_page
from authapi.db.sessions import StoredSession


def list_sessions(
    db: Database, user_id: str, cursor: str | None, limit: int
) -> Page[StoredSession]:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""
    return read_page(db, sessions.list_in_force, user_id, cursor, limit)
