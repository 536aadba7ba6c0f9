"""The revocations in the memory of this process. No request asks the database for them.

The process that revokes a session adds it after the commit and before the answer. Other processes
learn it from their next poll (poll.py), other services from `GET /revocations` (pages.py).
docs/revocation.md says why that is sound.
"""

from collections.abc import Callable, Collection
from threading import Event, Lock
from time import monotonic

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db.revocations import Changes
from authapi.services.revocation.pages import FeedPages, Page, until
from authapi.verifier import Claims, RevocationSet, VerifierNotReadyError


class RevocationFeed:
    """Read by every request without a lock; written by services that revoke and by the poll."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        when_added: Callable[[Collection[str]], None] = lambda _sids: None,
    ) -> None:
        self._clock = clock
        self._when_added = when_added
        self._max_staleness = settings.revocation_max_staleness
        self.fails_closed = settings.revocation_fail_closed
        self._revoked = RevocationSet()
        self.pages = FeedPages(self._revoked)
        self._writing = Lock()
        self._learned_at, self._learned_ticks = 0.0, 0.0  # the second on the monotonic clock
        self.as_of: float | None = None  # the database's time of the last poll
        self.skew = 0.0  # how far this process's clock is ahead of the database's
        self.poll_soon = Event()
        # Held to read the sessions of a stop. A poll that is woken by it does not read them at the
        # same time: the request has to be answered first.
        self.reading = Lock()

    def refuses(self, claims: Claims) -> bool:
        """Return whether a token is revoked. Raises VerifierNotReadyError if that is not known."""
        if self.as_of is None or (self.fails_closed and self.is_stale()):
            raise VerifierNotReadyError("the revocations are not known")
        return self._revoked.refuses(claims)

    def add(self, sids: Collection[str]) -> None:
        """Add sessions that this process has just revoked, after the commit."""
        if not sids:
            return
        moments = dict.fromkeys(sids, self._clock() - self.skew)
        with self._writing:
            self._revoked.learn(until(moments))
            self.pages.note_own(moments)
        self._when_added(sids)
        self.poll_soon.set()

    def learn(self, changes: Changes, *, asked_at: float) -> None:
        """Learn what a poll read. `asked_at` is this process's time before the poll."""
        with self._writing:
            was_set_back = self.as_of is not None and changes.as_of < self.as_of
            if was_set_back:
                self.pages.note_set_back(changes.as_of)
            untold = self.pages.untold(changes.revoked)
            is_new = self._revoked.learn(
                until(untold), reissued=changes.reissued, keys=changes.compromised
            )
            self.pages.note_poll(untold, as_of=changes.as_of)
            self.skew = asked_at - changes.as_of
            # Last: what `as_of` covers is in force, and in every page that names it as its cursor.
            self.as_of, self._learned_at = changes.as_of, asked_at
            self._learned_ticks = monotonic()
            has_news = is_new or bool(untold) or was_set_back
            self.pages.wake_readers(as_of=changes.as_of, has_news=has_news)

    def forget_old(self) -> None:
        """Drop what has run out by the database's clock and by ours, which reads `exp`."""
        as_of = self.as_of or 0.0
        self._revoked.prune(min(as_of, self._clock()))
        with self._writing:
            self.pages.forget_old(as_of)

    def staleness(self) -> float:
        """Return the seconds since the last successful poll began.

        The clock that says more counts: the wall clock may have been set back, and the other one
        stands still while a machine sleeps.
        """
        return max(self._clock() - self._learned_at, monotonic() - self._learned_ticks)

    def is_stale(self) -> bool:
        return self.staleness() > self._max_staleness

    def __len__(self) -> int:
        return len(self._revoked)

    def page(self, since: float | None) -> Page:
        """Return the window, or what may be new since an `as_of`. Raises VerifierNotReadyError."""
        if self.as_of is None:
            raise VerifierNotReadyError("the revocations are not known")
        return self.pages.since(since, self.as_of)
