"""The session that a new one takes the place of, and what of its proof still counts."""

from dataclasses import dataclass

from authapi.db import sessions
from authapi.db.clock import read_clock
from authapi.db.database import Database
from authapi.db.models import Transport
from authapi.errors import InvalidToken
from authapi.services.accounts.freshness import MAX_AGE_SECONDS
from authapi.services.factors.steps import Proven

NOTHING = Proven(frozenset())


@dataclass(frozen=True, slots=True)
class Before:
    """`proven`: what was proven at its log-in, if that was at most MAX_AGE_SECONDS ago."""

    sid: str
    transport: Transport
    remember: bool
    proven: Proven


def read_session(db: Database, sid: str) -> Before:
    """Return the session. Raises InvalidToken if it is gone."""
    with db.connect() as connection:
        session, now = sessions.find(connection, sid), read_clock(connection)
    if session is None:
        raise InvalidToken
    counts = now - session.created_at <= MAX_AGE_SECONDS
    proven = Proven.read(session.amr) if counts else NOTHING
    return Before(sid, Transport(session.transport), session.remember, proven)
