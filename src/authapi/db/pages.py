"""Pages of a list that is ordered by a moment and an id, the newest first.

A page begins behind the last row of the page before (a keyset, no offset): every page costs the
same, and a new row shifts nothing. A cursor is the place of that last row.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from struct import Struct
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from authapi.db.database import Database
from authapi.errors import InvalidField

_CURSOR = re.compile(r"[A-Za-z0-9_-]{40}")
_PLACE = Struct(">d22s")  # 30 bytes: base64 needs no padding
_ID = re.compile(rb"[A-Za-z0-9_-]{22}")
_ROWS_OF_A_WALK = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: its moment in Unix seconds, and its id."""

    at: float
    id: str


class HasPlace(Protocol):
    """A row of such a list."""

    @property
    def place(self) -> Place: ...


Row = TypeVar("Row", bound=HasPlace)
# Returns at most so many rows of a user: the first ones, or those behind a place.
Read = Callable[[Connection, str, Place | None, int], Sequence[Row]]


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """The rows of a page, and the cursor of the next one, if there is one."""

    rows: Sequence[Row]
    next_cursor: str | None


def read_page(
    db: Database, read: Read[Row], user_id: str, cursor: str | None, limit: int
) -> Page[Row]:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""
    after = None if cursor is None else _place_at(cursor)
    with db.connect() as connection:
        found = read(connection, user_id, after, limit + 1)
    shown = found[:limit]
    return Page(shown, _cursor_of(shown[-1].place) if len(found) > limit else None)


def walk(db: Database, read: Read[Row], user_id: str) -> Iterator[Row]:
    """Yield every row, a page at a time: none holds a connection while the next one is awaited."""
    after: Place | None = None
    while True:
        with db.connect() as connection:
            page = read(connection, user_id, after, _ROWS_OF_A_WALK)
        yield from page
        if len(page) < _ROWS_OF_A_WALK:
            return
        after = page[-1].place


def _cursor_of(place: Place) -> str:
    return urlsafe_b64encode(_PLACE.pack(place.at, place.id.encode())).decode()


def _place_at(cursor: str) -> Place:
    if _CURSOR.fullmatch(cursor):
        at, row_id = _PLACE.unpack(urlsafe_b64decode(cursor))
        if isfinite(at) and _ID.fullmatch(row_id):  # PostgreSQL takes no NUL in a text
            return Place(at, row_id.decode())
    raise InvalidField("cursor", "This is not a cursor of ours.", "cursor_invalid", place="query")
