"""What the issuer has revoked, as far as this process has heard, and how long ago that was."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard, cast

from authapi.verifier.claims import Claims
from authapi.verifier.errors import CatchUpError, VerifierNotReadyError
from authapi.verifier.following.contact import Contact
from authapi.verifier.following.fetching import Fetched, FetchError
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
    """Raises FetchError for what is not a page of the feed. `now` is this machine's time."""
    document = fetched.document()
    as_of, cursor = document.get("as_of"), document.get("cursor")
    keys = document.get("keys", [])
    if not _is_time(as_of) or as_of > now + MAX_AHEAD_SECONDS:
        raise FetchError(f"{fetched.url}: as_of is no time of now.")
    if not isinstance(cursor, str) or len(cursor) > MAX_CURSOR_CHARACTERS:
        raise FetchError(f"{fetched.url}: the cursor is no text of ours.")
    if not isinstance(keys, list) or not all(_is_id(kid) for kid in keys):
        raise FetchError(f"{fetched.url}: keys is not a list of kids.")
    return FeedPage(
        as_of=as_of,
        cursor=cursor,
        sessions=_times(fetched, document.get("sessions"), latest=as_of + MAX_KEPT_SECONDS),
        reissued=_times(fetched, document.get("reissued", {}), latest=as_of + MAX_KEPT_SECONDS),
        keys=frozenset(keys),
    )


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
    """Read by every verification without a lock; written by the one thread that follows.

    Staleness is how old the issuer's own knowledge is, not when it last answered: an issuer that
    is cut off from its database answers on, with the same `as_of`. It is counted on this
    process's monotonic clock alone, since wall clocks differ.
    """

    def __init__(self, contact: Contact, *, max_staleness: float, fail_closed: bool) -> None:
        self._contact = contact
        self._max_staleness = max_staleness
        self._fail_closed = fail_closed
        self._revoked = RevocationSet()
        self._as_of: float | None = None
        self._advanced_at = 0.0  # monotonic
        self._age = 0.0  # how old `as_of` was then

    def __len__(self) -> int:
        return len(self._revoked)

    @property
    def is_loaded(self) -> bool:
        return self._as_of is not None

    def refuses(self, claims: Claims) -> bool:
        """Raises VerifierNotReadyError where nothing was ever heard, or too long ago to say;
        CatchUpError where the issuer has to be asked first."""
        if self._as_of is None:
            raise VerifierNotReadyError("the revocations were never loaded")
        if self._contact.is_due():
            raise CatchUpError("the revocations are older than catch_up")
        if self._fail_closed and self.is_stale():
            raise VerifierNotReadyError("the revocations are stale")
        return self._revoked.refuses(claims)

    def staleness(self) -> float | None:
        """Seconds; None where nothing was ever heard."""
        if self._as_of is None:
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
        # Last: what counts as heard is in force.
        self._note_time(page.as_of)
        return has_news

    def forget_old(self) -> None:
        """Drop what has run out by the issuer's time and by ours: either could be ahead."""
        self._revoked.prune(min(self._as_of or 0.0, self._contact.clock()))

    def _note_time(self, as_of: float) -> None:
        now = self._contact.monotonic()
        if self._as_of is None:
            self._age = max(0.0, self._contact.clock() - as_of - CLOCKS_DIFFER_SECONDS)
        elif as_of > self._as_of:
            # What it advanced less than the clock did is age: an answer that was long waited for
            # can be old. Halved each time, or two clocks that drift would add up for weeks.
            behind = (now - self._advanced_at) - (as_of - self._as_of)
            self._age = max(0.0, self._age / 2 + behind)
        else:
            return
        self._as_of, self._advanced_at = as_of, now
