"""The pages of `GET /revocations`, and the news for the readers that wait.

A page begins LOOK_BACK_SECONDS before its reader's cursor: a commit becomes visible late.
docs/revocation.md says why no reader misses an entry, whichever process it asks.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from authapi.services.revocation.waiting import WaitingPlaces
from authapi.services.revocation.wake_up import WakeUp
from authapi.verifier import RevocationSet
from authapi.verifier.lifetimes import LOOK_BACK_SECONDS, WINDOW_SECONDS

MANY_SESSIONS = 10_000


@dataclass(frozen=True, slots=True)
class Page:
    """One answer. Times are Unix seconds of the database."""

    as_of: float
    reissued: Mapping[str, int]
    keys: list[str]
    _held: RevocationSet
    _after: float | None

    @property
    def is_whole(self) -> bool:
        """Return whether it has the whole window."""
        return self._after is None

    @property
    def sessions(self) -> Mapping[str, int]:
        """Return the revoked sids, and when each may be forgotten."""
        return self._held.sessions(self._after)

    def session_members(self) -> Iterator[bytes]:
        """Yield the same as members of a JSON object, a few at a time: there may be many."""
        return self._held.members(self._after)


class FeedPages:
    """Pages of the given set. Any thread may ask for one; one thread at a time writes."""

    def __init__(self, revoked: RevocationSet) -> None:
        self._revoked = revoked
        self._recent = RevocationSet()  # the sessions of the last 2 * LOOK_BACK_SECONDS
        self._own: dict[str, float] = {}  # added here, not yet read by a poll: sid to moment
        self._late_at = 0.0  # the `as_of` of the last poll with entries from before its look-back
        self._had_news = False
        self.news_at = 0.0  # the `as_of` of the last poll that ends the waiting of readers
        self.news = 0  # how many such polls there were
        self.changed = WakeUp()
        self.places = WaitingPlaces()

    def since(self, cursor: float | None, as_of: float) -> Page:
        """Return the whole window, or what may be new since an earlier page's `as_of`."""
        held, after = self._revoked, None
        if cursor is not None and cursor >= max(as_of - LOOK_BACK_SECONDS, self._late_at):
            # The cursor may be later: another process polled since, or the clock was turned back.
            held, after = self._recent, min(cursor, as_of) - LOOK_BACK_SECONDS + WINDOW_SECONDS
        return Page(
            as_of=as_of,
            reissued={sid: int(moment) for sid, moment in self._revoked.reissued().items()},
            keys=sorted(self._revoked.refused_keys()),
            _held=held,
            _after=after,
        )

    def note_own(self, moments: Mapping[str, float]) -> None:
        """Note the sessions that this process has just revoked: sid to moment.

        Readers that have a cursor hear of very many from the next poll, which is woken now: the
        request that has revoked them is to be answered first.
        """
        self._own.update(moments)
        if len(moments) <= MANY_SESSIONS:
            self._recent.learn(until(moments))

    def untold(self, revoked: Mapping[str, float]) -> dict[str, float]:
        """Return the entries of a poll that no earlier poll brought: sid to moment."""
        return {
            sid: moment
            for sid, moment in revoked.items()
            if sid in self._own or sid not in self._revoked
        }

    def note_poll(self, untold: Mapping[str, float], *, as_of: float) -> None:
        """Note a poll whose changes are in the set, before any page has its `as_of`."""
        self._recent.learn(until(untold, after=as_of - 2 * LOOK_BACK_SECONDS))
        if any(moment <= as_of - LOOK_BACK_SECONDS for moment in untold.values()):
            self._late_at = as_of
        for sid in untold.keys() & self._own.keys():
            del self._own[sid]

    def wake_readers(self, *, as_of: float, has_news: bool) -> None:
        """Wake the readers that wait, if the poll brought news."""
        # News wake readers twice: a cursor of another process may be later than this poll, and yet
        # miss what was committed between its own poll and this one. The next poll is later.
        if has_news or self._had_news:
            self.news_at = as_of
            self.news += 1
            self.changed.wake()
        self._had_news = has_news

    def note_set_back(self, as_of: float) -> None:
        """Note that the database's clock was set back to `as_of`: later times say nothing now."""
        self._late_at = as_of
        self.news_at = min(self.news_at, as_of)

    async def wait_for_news(self, cursor: float, seconds: float) -> None:
        """Wait for something newer than a cursor, which may be of a clock that was set back."""
        before = self.news
        await self.changed.wait_for(lambda: self.news_at > cursor or self.news != before, seconds)

    def forget_old(self, as_of: float) -> None:
        """Drop what no page needs any more."""
        self._recent.prune(as_of + WINDOW_SECONDS - 2 * LOOK_BACK_SECONDS)
        since = as_of - LOOK_BACK_SECONDS
        self._own = {sid: moment for sid, moment in self._own.items() if moment > since}


def until(revoked: Mapping[str, float], *, after: float = 0.0) -> dict[str, float]:
    """Return when each session that was revoked after a moment may be forgotten."""
    return {sid: moment + WINDOW_SECONDS for sid, moment in revoked.items() if moment > after}
