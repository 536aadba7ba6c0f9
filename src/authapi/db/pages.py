"""Pages of a list that is ordered by a moment and an id, the newest first.

A page begins behind the last row of the page before (a keyset, no offset): every page costs the
same, and a new row shifts nothing. A cursor is the place of that last row.

What no index can answer (a text within an address) is a search: a page looks at LOOKED_AT rows at
most, in the order of the list, and its cursor is the place of the last of them. So a page has its
bound, however many rows there are and however few fit. It may be short, or empty, and not the last.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from struct import Struct
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, tuple_

from authapi.db.database import Database
from authapi.errors import InvalidField

_CURSOR = re.compile(r"[A-Za-z0-9_-]{40}")
_PLACE = Struct(">d22s")  # 30 bytes: base64 needs no padding
_ID = re.compile(rb"[A-Za-z0-9_-]{22}")
_ROWS_OF_A_WALK = 1000
LOOKED_AT = 5_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: its moment in Unix seconds, and its id."""

    at: float
    id: str


BEFORE_ALL = Place(1e300, "z" * 22)


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


@dataclass(frozen=True, slots=True)
class Found(Generic[Row]):
    """What a search has found behind a place.

    `until` is the place up to which it looked, None for the end. `ahead` are rows of the first page
    that stand before all others.
    """

    rows: Sequence[Row]
    until: Place | None = None
    ahead: Sequence[Row] = ()


# Looks at LOOKED_AT rows, for at most so many that fit, from the beginning or behind a place.
Find = Callable[[Connection, Place | None, int], Found[Row]]


def read_page(
    db: Database, read: Read[Row], user_id: str, cursor: str | None, limit: int
) -> Page[Row]:
    """Return the first page, or the one at the cursor. Raises InvalidField for a bad cursor."""

    def find(connection: Connection, after: Place | None, count: int) -> Found[Row]:
        return Found(read(connection, user_id, after, count))

    return search_page(db, find, cursor, limit)


def search_page(db: Database, find: Find[Row], cursor: str | None, limit: int) -> Page[Row]:
    """Return the same of a search, which may stop before a page is full."""
    after = None if cursor is None else _place_at(cursor)
    with db.connect() as connection:
        found = find(connection, after, limit + 1)
    room = limit - len(found.ahead)
    shown = [*found.ahead, *found.rows[:room]]
    if len(found.rows) > room:
        last = found.rows[room - 1].place if room else BEFORE_ALL
        return Page(shown, _cursor_of(last))
    return Page(shown, _cursor_of(found.until) if found.until else None)


def boundary(
    connection: Connection, rows: Select[Any], order: Sequence[ColumnElement[Any]]
) -> Place | None:
    """Return the place of the last of LOOKED_AT rows in this order, if there are so many."""
    last = rows.with_only_columns(*order).order_by(*(column.desc() for column in order))
    row = connection.execute(last.offset(LOOKED_AT - 1).limit(1)).one_or_none()
    return None if row is None else Place(*row)


def between(
    order: Sequence[ColumnElement[Any]], after: Place | None, until: Place | None
) -> Sequence[ColumnElement[bool]]:
    """Return the conditions on rows behind the one place, up to the other."""
    conditions: list[ColumnElement[bool]] = []
    if after is not None:
        conditions.append(tuple_(*order) < (after.at, after.id))
    if until is not None:
        conditions.append(tuple_(*order) >= (until.at, until.id))
    return conditions


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
