"""What happened to an account, for its user: the newest first.

From where an administrator acted is for those who audit, and not for the user.
"""

from collections.abc import Iterator
from dataclasses import replace

from authapi.db import events
from authapi.db.database import Database
from authapi.db.events import StoredEvent
from authapi.db.pages import Page, read_page, walk


def list_events(db: Database, user_id: str, cursor: str | None, limit: int) -> Page[StoredEvent]:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""
    page = read_page(db, events.list_of_user, user_id, cursor, limit)
    return replace(page, rows=[_for_its_user(event) for event in page.rows])


def all_events(db: Database, user_id: str) -> Iterator[StoredEvent]:
    """Yield every event of the user."""
    return map(_for_its_user, walk(db, events.list_of_user, user_id))


def _for_its_user(event: StoredEvent) -> StoredEvent:
    is_anothers = event.actor_id not in (None, event.user_id)
    return replace(event, ip=None, user_agent=None) if is_anothers else event
