"""Readiness: every part by name, its state, and a sentence about it.

  part             failed: no request is served         warning: an operator should look
  database         does not answer, or only reads
  schema           behind this release, not ours
  signing keys     none is loaded
  revocations      never read; stale and FAIL_CLOSED    stale
  clock            30 s off the database's
  redis            (only where it is set)               does not answer
  password hashes                                       no place is free
  mails                                                 one waits for ten minutes

Each part is looked at by itself, so that one answer names every problem. The schema of a database
that does not answer is `unknown`, unless this process has found it good before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from authapi.config import Settings
from authapi.db import migrations
from authapi.db.database import Database
from authapi.db.primary import read_primary_clock
from authapi.db.remedies import explained
from authapi.db.session_cache import SessionCache
from authapi.errors import OperatorError, Unavailable
from authapi.services.keys.ring import KeyRing
from authapi.services.revocation.feed import RevocationFeed

MAX_SKEW_SECONDS = 30  # between the clocks of this process and the database
LATE_MAIL_SECONDS = 600
GOOD = "It is good."


class State(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    state: State = State.OK
    detail: str = GOOD


@dataclass(frozen=True, slots=True)
class Looked:
    """What is looked at. `is_prepared`: this process has found the schema good."""

    db: Database
    ring: KeyRing
    feed: RevocationFeed
    cache: SessionCache
    is_prepared: bool
    settings: Settings
    hashes_taken: float = 0.0  # of the places in the queue, from 0 to 1
    oldest_mail_seconds: float = 0.0


def parts(looked: Looked) -> list[Part]:
    """Return every part. Raises nothing."""
    database = _database(looked.db)
    found = [database, _schema(looked, database), _keys(looked.ring)]
    found += [_revocations(looked.feed), _clock(looked.feed)]
    if looked.cache.is_used:
        found.append(_redis(looked.cache))
    return [*found, _hashes(looked.hashes_taken), _mails(looked)]


def named(found: list[Part], state: State) -> Iterator[Part]:
    return (part for part in found if part.state is state)


def _database(db: Database) -> Part:
    problem = "It does not answer, or takes no writes: see `database_unavailable` in the log."
    try:
        with explained(str(db.engine.url)), db.connect() as connection:
            read_primary_clock(connection)
    except (OperatorError, Unavailable):
        return Part("database", State.FAILED, problem)
    return Part("database")


def _schema(looked: Looked, database: Part) -> Part:
    if looked.is_prepared:
        return Part("schema")
    if database.state is not State.OK:
        return Part("schema", State.UNKNOWN, "It is not known before the database answers.")
    problem = "It is not the schema of this release: see `not_ready` in the log."
    return _unless(lambda: migrations.missing(looked.db), Part("schema", State.FAILED, problem))


def _unless(is_wrong: Callable[[], bool], failed: Part) -> Part:
    try:
        return failed if is_wrong() else Part(failed.name)
    except (OperatorError, Unavailable):
        return failed


def _keys(ring: KeyRing) -> Part:
    problem = "None is loaded: the database did not answer, or AUTHAPI_SECRET is another one."
    return Part("signing keys") if ring.is_loaded else Part("signing keys", State.FAILED, problem)


def _revocations(feed: RevocationFeed) -> Part:
    if feed.as_of is None:
        return Part("revocations", State.FAILED, "The database has not told them yet.")
    if not feed.is_stale():
        return Part("revocations")
    state = State.FAILED if feed.fails_closed else State.WARNING
    return Part("revocations", state, f"The revocations are {feed.staleness():.0f} seconds old.")


def _clock(feed: RevocationFeed) -> Part:
    if abs(feed.skew) <= MAX_SKEW_SECONDS:
        return Part("clock")
    problem = f"This clock is {feed.skew:+.0f} seconds off the database's."
    return Part("clock", State.FAILED, problem)


def _redis(cache: SessionCache) -> Part:
    problem = "It does not answer: the database is asked, and each process counts limits alone."
    return Part("redis") if cache.answers() else Part("redis", State.WARNING, problem)


def _hashes(taken: float) -> Part:
    problem = "Every place in the queue is taken: log-ins are answered 503."
    return Part("password hashes", *((State.WARNING, problem) if taken >= 1 else ()))


def _mails(looked: Looked) -> Part:
    if looked.oldest_mail_seconds <= LATE_MAIL_SECONDS:
        return Part("mails", detail=_where_mails_go(looked.settings))
    waits = f"The oldest mail waits for {looked.oldest_mail_seconds // 60:.0f} minutes"
    return Part("mails", State.WARNING, f"{waits}: see `authapi mail list`.")


def _where_mails_go(settings: Settings) -> str:
    if settings.smtp_url:
        return GOOD
    if settings.mail_dir:
        return "Mails are written as files: AUTHAPI_SMTP_URL is not set."
    return "No mail is sent: AUTHAPI_SMTP_URL is not set."
