"""Readiness: the parts that a request needs, and those that are missing."""

from authapi.db.database import Database
from authapi.db.primary import read_primary_clock
from authapi.errors import Unavailable
from authapi.services.keys.ring import KeyRing
from authapi.services.revocation.feed import RevocationFeed

MAX_SKEW_SECONDS = 30  # between the clocks of this process and the database
LATE_MAIL_SECONDS = 600


def missing_parts(db: Database, ring: KeyRing, feed: RevocationFeed) -> list[str]:
    """Return the names of missing parts; none when all is well."""
    missing = []
    try:
        with db.connect() as connection:
            read_primary_clock(connection)
    except Unavailable:
        missing.append("database")
    if not ring.is_loaded:
        missing.append("signing keys")
    if feed.as_of is None or (feed.fails_closed and feed.is_stale()):
        missing.append("revocations")
    if abs(feed.skew) > MAX_SKEW_SECONDS:
        missing.append("clock")
    return missing


def warnings(feed: RevocationFeed, oldest_mail_seconds: float) -> list[str]:
    """Return sentences for an operator that stop no request."""
    found = []
    if feed.as_of is not None and feed.is_stale():
        found.append(f"The revocations are {feed.staleness():.0f} seconds old.")
    if oldest_mail_seconds > LATE_MAIL_SECONDS:
        minutes = oldest_mail_seconds // 60
        found.append(f"The oldest mail waits for {minutes:.0f} minutes: see `authapi mail list`.")
    return found
