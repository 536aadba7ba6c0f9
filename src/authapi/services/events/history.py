"""What happened to an account, for its user: pages of events, the newest first.

The cursor is the place of a page's last event, so that new events shift nothing.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isfinite

from authapi.db import events
from authapi.db.database import Database
from authapi.db.events import Place, StoredEvent
from authapi.errors import InvalidField

ID = re.compile(r"[A-Za-z0-9_-]{22}")
MAX_CURSOR_CHARACTERS = 200
PAGE_OF_EXPORT = 1000


@dataclass(frozen=True, slots=True)
class Page:
    events: Sequence[StoredEvent]
    next_cursor: str | None


def list_events(db: Database, user_id: str, *, cursor: str | None, limit: int) -> Page:
    """Return the user's next `limit` events. Raises InvalidField for a cursor that is not ours."""
    after = None if cursor is None else _place(cursor)
    with db.connect() as connection:
        found = events.list_of_user(connection, user_id, after=after, count=limit + 1)
    page = found[:limit]
    return Page(page, _cursor(page[-1]) if len(found) > limit else None)


def all_events(db: Database, user_id: str) -> Iterator[StoredEvent]:
    """Yield every event of the user, the newest first."""
    after: Place | None = None
    while True:
        with db.connect() as connection:
            page = events.list_of_user(connection, user_id, after=after, count=PAGE_OF_EXPORT)
        yield from page
        if len(page) < PAGE_OF_EXPORT:
            return
        after = Place(page[-1].at, page[-1].id)


def _cursor(last: StoredEvent) -> str:
    return urlsafe_b64encode(f"{last.at!r} {last.id}".encode()).decode().rstrip("=")


def _place(cursor: str) -> Place:
    with suppress(ValueError):
        if len(cursor) <= MAX_CURSOR_CHARACTERS:
            padded = cursor + "=" * (-len(cursor) % 4)
            at, last_id = urlsafe_b64decode(padded.encode("ascii")).decode("ascii").split(" ")
            if isfinite(float(at)) and ID.fullmatch(last_id):  # PostgreSQL takes no NUL in a text
                return Place(float(at), last_id)
    raise InvalidField("cursor", "This is no cursor of ours.", "cursor_invalid", place="query")
