"""Everything that is kept about a person (GDPR article 15), for the person alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from authapi.db import factors, links, sessions
from authapi.db.database import Database
from authapi.db.events import StoredEvent
from authapi.db.factors import ListedFactor
from authapi.db.links import StoredLink
from authapi.db.pages import walk
from authapi.db.sessions import StoredSession
from authapi.db.users import Account
from authapi.services.accounts.profile import get_profile
from authapi.services.events.history import all_events


@dataclass(frozen=True, slots=True)
class Kept:
    account: Account
    sessions: Sequence[StoredSession]
    factors: Sequence[ListedFactor]
    links: Sequence[StoredLink]
    events: Sequence[StoredEvent]


def export_account(db: Database, user_id: str) -> Kept:
    """Return what is kept. Sessions that have ended are told by their events.

    Raises InvalidToken if the account is gone.
    """
    account = get_profile(db, user_id)
    kept_sessions = list(walk(db, sessions.list_in_force, user_id))
    with db.connect() as connection:
        kept_factors = factors.list_details(connection, user_id)
        kept_links = links.list_in_force(connection, user_id)
    return Kept(account, kept_sessions, kept_factors, kept_links, list(all_events(db, user_id)))
