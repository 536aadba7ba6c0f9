"""The issuer's revocations that this process knows, and how old that knowledge is."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, cast

from authapi.verifier.claims import Claims
from authapi.verifier.errors import CatchUpError, VerifierNotReadyError
from authapi.verifier.following.contact import Contact
from authapi.verifier.following.fetching import Fetched, FetchError
from authapi.verifier.following.set_back import SetBackClock
from authapi.verifier.lifetimes import CLOCKS_DIFFER_SECONDS
from authapi.verifier.revocations import RevocationSet

MAX_ID_CHARACTERS = 256  # ours have 22
MAX_CURSOR_CHARACTERS = 1024
MAX_AHEAD_SECONDS = 3600.0  # an issuer's time that is further ahead of ours is nonsense
MAX_KEPT_SECONDS = 86400.0  # no entry is kept longer, whatever it asks for


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Times are Unix seconds of the issuer's database."""

    as_of: float
    cursor: str
    sessions: Mapping[str, float]
    reissued: Mapping[str, float]
    keys: frozenset[str]


def read_page(fetched: Fetched, *, now: float) -> FeedPage:
    """Return a page of the feed. Raises FetchError for anything else. `now` is our time."""
    document = fetched.document()
    as_of, cursor = document.get("as_of"), document.get("cursor")
    keys = document.get("keys", [])
    if not _is_time(as_of) or as_of > now + MAX_AHEAD_SECONDS:
        raise FetchError(f"{fetched.url}: as_of is no time of now.")
    if not isinstance(cursor, str) or len(cursor) > MAX_CURSOR_CHARACTERS:
        raise FetchError(f"{fetched.url}: the cursor is no text of ours.")
    if not isinstance(keys, list) or not all(_is_id(kid) for kid in keys):
        raise FetchError(f"{fetched.url}: keys is not a list of kids.")
    latest = as_of + MAX_KEPT_SECONDS
    sessions = _times(fetched, document.get("sessions"), latest=latest)
    reissued = _times(fetched, document.get("reissued", {}), latest=latest)
    return FeedPage(as_of, cursor, sessions, reissued, frozenset(keys))


def _times(fetched: Fetched, entries: object, *, latest: float) -> dict[str, float]:
    if not isinstance(entries, dict) or not all(
        _is_id(sid) and _is_time(moment) for sid, moment in entries.items()
    ):
        raise FetchError(f"{fetched.url}: sessions or reissued is not an object of times.")
    return {sid: min(moment, latest) for sid, moment in entries.items()}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_ID_CHARACTERS


def _is_time(value: object) -> TypeGuard[float]:
    # Not a bool, which is an int for isinstance.
    return type(value) in (int, float) and 0 <= cast(float, value) < math.inf


class FollowedRevocations:
    """Read by every verification without a lock; written by the thread that follows.

    Staleness is the age of the issuer's own knowledge: an issuer that is cut off from its database
    answers on, with the same `as_of`. Only our monotonic clock counts it, since wall clocks differ.
    An `as_of` that goes back is believed once it has gone on with our clock for some seconds.
    """

    def __init__(self, contact: Contact, *, max_staleness: float, fail_closed: bool) -> None:
        self._contact = contact
        self._max_staleness = max_staleness
        self._fail_closed = fail_closed
        self._revoked = RevocationSet()
        self.as_of: float | None = None  # the newest page's
        self._advanced_at = 0.0  # monotonic
        self._age = 0.0  # how old `as_of` was then
        self._set_back = SetBackClock()

    def __len__(self) -> int:
        return len(self._revoked)

    @property
    def is_loaded(self) -> bool:
        return self.as_of is not None

    def refuses(self, claims: Claims) -> bool:
        """Return whether the claims' token is revoked.

        Raises VerifierNotReadyError if that is not known; CatchUpError to ask the issuer first.
        """
        if self.as_of is None:
            raise VerifierNotReadyError("the revocations were never loaded")
        if self._contact.is_due():
            raise CatchUpError("the revocations are older than catch_up")
        if self._fail_closed and self.is_stale():
            raise VerifierNotReadyError("the revocations are stale")
        return self._revoked.refuses(claims)

    def staleness(self) -> float | None:
        """Return the seconds, None before the first page."""
        if self.as_of is None:
            return None
        return self._age + self._contact.monotonic() - self._advanced_at

    def is_stale(self) -> bool:
        staleness = self.staleness()
        return staleness is None or staleness > self._max_staleness

    def refused_keys(self) -> frozenset[str]:
        return self._revoked.refused_keys()

    def learn(self, page: FeedPage) -> bool:
        """Unite the page with what is held; return whether anything was new."""
        has_news = self._revoked.learn(page.sessions, reissued=page.reissued, keys=page.keys)
        # Last: what `as_of` covers is already in force.
        self._note_time(page.as_of)
        return has_news

    def forget_old(self) -> None:
        """Drop what has run out by the issuer's clock and by ours: either may be ahead."""
        self._revoked.prune(min(self.as_of or 0.0, self._contact.clock()))

    def _note_time(self, as_of: float) -> None:
        now = self._contact.monotonic()
        if self.as_of is None:
            self._age = max(0.0, self._contact.clock() - as_of - CLOCKS_DIFFER_SECONDS)
        elif as_of > self.as_of:
            # If `as_of` advanced less than our clock, the difference is age. The old age is halved,
            # or two clocks that drift would add up for weeks.
            behind = (now - self._advanced_at) - (as_of - self.as_of)
            self._age = max(0.0, self._age / 2 + behind)
            self._set_back.forget()
        else:
            age = self._set_back.proven_age(as_of, now) if as_of < self.as_of else None
            if age is None:
                return
            self._age = age
            self._set_back.forget()
        self.as_of, self._advanced_at = as_of, now
