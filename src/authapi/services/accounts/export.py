"""Everything that is kept about a person (GDPR article 15), for the person alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from authapi.db import sessions
from authapi.db.database import Database
from authapi.db.events import StoredEvent
from authapi.db.sessions import Place, StoredSession
from authapi.db.users import Account
from authapi.services.accounts.profile import get_profile
from authapi.services.events.history import all_events

PAGE_OF_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Kept:
    account: Account
    sessions: Sequence[StoredSession]
    events: Sequence[StoredEvent]


def export_account(db: Database, user_id: str) -> Kept:
    """Return what is kept. Sessions that have ended are told by their events.

    Raises InvalidToken if the account is gone.
    """
    account = get_profile(db, user_id)
    return Kept(account, list(_all_sessions(db, user_id)), list(all_events(db, user_id)))


def _all_sessions(db: Database, user_id: str) -> Iterator[StoredSession]:
    after: Place | None = None
    while True:
        with db.connect() as connection:
            page = sessions.list_in_force(connection, user_id, after, PAGE_OF_SESSIONS)
        yield from page
        if len(page) < PAGE_OF_SESSIONS:
            return
        after = Place(page[-1].last_used_at, page[-1].sid)
