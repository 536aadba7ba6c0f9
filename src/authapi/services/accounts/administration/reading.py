"""What an operator reads about accounts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authapi.db import factors, sessions, user_pages, users
from authapi.db.database import Database
from authapi.db.events import EventFilter, StoredEvent
from authapi.db.factors import ListedFactor
from authapi.db.pages import Page, read_page, search_page
from authapi.db.sessions import BATCH_ROWS, StoredSession
from authapi.db.user_pages import ListedUser, UserFilter
from authapi.db.users import Account
from authapi.errors import NotFound
from authapi.services.accounts.administration.operator import require_id
from authapi.services.accounts.names import (
    MAX_TYPED_LENGTH,
    canonical,
    canonical_email,
    find_a_label,
)
from authapi.services.events.catalogue import EventType

# An event's moment is told in whole microseconds, to which it was rounded.
ROUNDING_SECONDS = 0.6e-6


@dataclass(frozen=True, slots=True)
class WantedEvents:
    """Which events are wanted: None for any. `since` belongs to them."""

    user_id: str | None = None
    type: EventType | None = None
    since: datetime | None = None


def list_users(db: Database) -> Iterator[Account]:
    """Yield every account, the oldest first. It reads BATCH_ROWS at a time."""
    page: Sequence[Account] = ()
    while True:
        with db.connect() as connection:
            page = users.list_oldest(connection, page[-1] if page else None, BATCH_ROWS)
        yield from page
        if len(page) < BATCH_ROWS:
            return


def get_by_email(db: Database, email: str) -> Account:
    """Return the account with that address, or with that id. Raises NotFound.

    The id is for an account whose address another one has in a different spelling: migration 0006.
    """
    # An argument may hold bytes that are no UTF-8. No address does, and no database takes them.
    # None is longer than MAX_EMAIL_LENGTH, either.
    name = email[:MAX_TYPED_LENGTH].encode(errors="replace").decode()
    with db.connect() as connection:
        if "@" in canonical_email(name):
            account = users.find_by_email(connection, canonical_email(name))
        else:
            account = users.find(connection, name)
    if account is None:
        raise NotFound
    return account


def get_user(db: Database, user_id: str) -> ListedUser:
    """Return the account with that id. Raises NotFound."""
    require_id(user_id)
    with db.connect() as connection:
        found = user_pages.find(connection, user_id)
    if found is None:
        raise NotFound
    return found


def search_users(
    db: Database, typed: str | None, cursor: str | None, limit: int, *, is_disabled: bool | None
) -> Page[ListedUser]:
    """Return a page of the accounts with the text in address or username, or as the id's beginning.

    The newest first; before them on the first page the one whose address, username or id is the
    text. A page may have fewer rows than there are, and still a cursor: see db/pages. Raises
    InvalidField for a bad cursor.
    """
    wanted = UserFilter(is_disabled=is_disabled)
    if typed:
        name = canonical(typed)
        # A part of a domain is found as the DNS has it, too.
        address = canonical_email(typed) if "@" in name else find_a_label(name) or name
        wanted = UserFilter(is_disabled, typed, name, address)
    return search_page(db, wanted.find, cursor, limit)


def count_factors(db: Database, user_ids: Sequence[str]) -> Mapping[str, Mapping[str, int]]:
    """Return how many factors of each kind are in force, for each user who has any."""
    with db.connect() as connection:
        return factors.count_by_kind(connection, user_ids)


def list_factors_of(db: Database, user_id: str) -> Sequence[ListedFactor]:
    """Return the user's factors in force, the oldest first."""
    with db.connect() as connection:
        return factors.list_details(connection, user_id)


def list_sessions_of(
    db: Database, user_id: str, cursor: str | None, limit: int
) -> Page[StoredSession]:
    """Return a page of the user's sessions in force. Raises NotFound, InvalidField."""
    get_user(db, user_id)
    return read_page(db, sessions.list_in_force, user_id, cursor, limit)


def search_events(
    db: Database, wanted: WantedEvents, cursor: str | None, limit: int
) -> Page[StoredEvent]:
    """Return a page of the events of all users, the newest first. Raises InvalidField."""
    since = wanted.since.timestamp() - ROUNDING_SECONDS if wanted.since else None
    which = EventFilter(wanted.user_id, wanted.type.value if wanted.type else None, since)
    return search_page(db, which.find, cursor, limit)
