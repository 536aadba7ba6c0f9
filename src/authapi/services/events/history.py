"""What happened to an account, for its user: the newest first."""

from collections.abc import Iterator

from authapi.db import events
from authapi.db.database import Database
from authapi.db.events import StoredEvent
from authapi.db.pages import Page, read_page, walk


def list_events(db: Database, user_id: str, cursor: str | None, limit: int) -> Page[StoredEvent]:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""
    return read_page(db, events.list_of_user, user_id, cursor, limit)


def all_events(db: Database, user_id: str) -> Iterator[StoredEvent]:
    """Yield every event of the user."""
    return walk(db, events.list_of_user, user_id)
