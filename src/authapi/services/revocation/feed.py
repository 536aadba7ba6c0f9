"""What must be refused although it has not expired: in memory, learned by polling, handed on.

No request asks the database. The process that revokes adds the session after its commit and before
its answer; every other process learns it from its next poll (revocation_poll.py), other services
from `GET /revocations`, which answers from here. Why that is sound: docs/revocation.md.

  entry                refuses                                      kept for
  revoked sid          every access token of the session            WINDOW_SECONDS
  reissued sid         those issued before a moment                 WINDOW_SECONDS
  compromised key      every access token that it signed            as long as its row
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from threading import Event, Lock

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db.revocations import Changes
from authapi.services.revocation.wake_up import WakeUp
from authapi.verifier import Claims, RevokedSessions, VerifierNotReadyError
from authapi.verifier.lifetimes import WINDOW_SECONDS

# A revocation becomes visible up to 5 s after its moment: readers look this far back, and unite.
LOOK_BACK = 60


@dataclass(frozen=True, slots=True)
class Page:
    """What `GET /revocations` answers. Times are Unix seconds of the database."""

    as_of: float
    reissued: Mapping[str, int]
    keys: list[str]
    _held: RevokedSessions
    _after: float | None

    @property
    def sessions(self) -> Mapping[str, int]:
        """Revoked `sid`s, and when each may be forgotten."""
        sessions: dict[str, int] = json.loads(b"{%b}" % b",".join(self.session_members()))
        return sessions

    def session_members(self) -> Iterator[bytes]:
        """The same as the members of a JSON object, a few at a time: there may be many."""
        return self._held.members(self._after)


class RevocationFeed:
    """Read by every request without a lock; written by revoking services and by the poll."""

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
        self._revoked = RevokedSessions()
        self._recent = RevokedSessions()  # those of the last 2 * LOOK_BACK, for pages
        self._own: dict[str, float] = {}  # added here, not yet read by a poll: sid to moment
        self._reissued: dict[str, float] = {}
        self._writing = Lock()
        self._learned_at = 0.0
        self._late_at = 0.0  # the `as_of` of the last poll that brought what pages don't look for
        self._had_news = False
        self.as_of: float | None = None  # the database's time of the last poll
        self.skew = 0.0  # how far this process's clock is ahead of the database's
        self.news_at = 0.0  # the `as_of` of the last poll of which a waiting reader must hear
        self.changed = WakeUp()
        self.poll_soon = Event()

    def refuses(self, claims: Claims) -> bool:
        """Raises VerifierNotReadyError where nothing was ever learned, or too long ago."""
        if self.as_of is None or (self.fails_closed and self.is_stale()):
            raise VerifierNotReadyError("the revocations are not known")
        return self._revoked.refuses(claims) or (
            claims.issued_at < self._reissued.get(claims.sid, 0)
        )

    def add(self, sids: Collection[str]) -> None:
        """Sessions that this process has just revoked, after the commit and before its answer."""
        if not sids:
            return
        moment = self._clock() - self.skew
        with self._writing:
            for sid in sids:
                self._own[sid] = moment
                self._revoked.add(sid, moment + WINDOW_SECONDS)
                self._recent.add(sid, moment + WINDOW_SECONDS)
        self._when_added(sids)
        self.poll_soon.set()

    def learn(self, changes: Changes, *, asked_at: float) -> None:
        """What a poll read; `asked_at` is this process's time before it asked."""
        with self._writing:
            has_news = self._take(changes)
            self.skew = asked_at - changes.as_of
            self.as_of, self._learned_at = changes.as_of, asked_at
            # Twice: another process's cursor may be later than this poll, and yet not know what
            # this one saw, if that was committed between the two. The next poll is later.
            is_to_be_heard = has_news or self._had_news
            self._had_news = has_news
            if is_to_be_heard:
                self.news_at = changes.as_of
        if is_to_be_heard:
            self.changed.wake()

    def _take(self, changes: Changes) -> bool:
        revoked = {
            sid: moment
            for sid, moment in changes.revoked.items()
            if sid in self._own or sid not in self._revoked
        }
        self._revoked.merge(_until(revoked))
        self._recent.merge(_until(revoked, after=changes.as_of - 2 * LOOK_BACK))
        if any(moment <= changes.as_of - LOOK_BACK for moment in revoked.values()):
            self._late_at = changes.as_of
        for sid in revoked.keys() & self._own.keys():
            del self._own[sid]
        reissued = changes.reissued.items() - self._reissued.items()
        self._reissued.update(reissued)
        compromised = changes.compromised.keys() - self._revoked.refused_keys()
        for kid in compromised:
            self._revoked.refuse_key(kid)
        return bool(revoked or reissued or compromised)

    def forget_old(self) -> None:
        """Drop what has run out, by the database's clock and by the one that reads `exp`."""
        as_of = self.as_of or 0.0
        now = min(as_of, self._clock())
        self._revoked.prune(now)
        self._recent.prune(as_of + WINDOW_SECONDS - 2 * LOOK_BACK)
        with self._writing:
            self._reissued = {
                sid: moment
                for sid, moment in self._reissued.items()
                if moment > now - WINDOW_SECONDS
            }
            self._own = {
                sid: moment for sid, moment in self._own.items() if moment > as_of - LOOK_BACK
            }

    def staleness(self) -> float:
        """Seconds since the last successful poll was begun."""
        return self._clock() - self._learned_at

    def is_stale(self) -> bool:
        return self.staleness() > self._max_staleness

    def __len__(self) -> int:
        return len(self._revoked)

    def page(self, since: float | None) -> Page:
        """The whole window, or what may be new since an `as_of`. Raises VerifierNotReadyError."""
        if self.as_of is None:
            raise VerifierNotReadyError("the revocations are not known")
        as_of = self.as_of
        held, after = self._window(since, as_of)
        return Page(
            as_of=as_of,
            reissued={sid: int(moment) for sid, moment in self._reissued.copy().items()},
            keys=sorted(self._revoked.refused_keys()),
            _held=held,
            _after=after,
        )

    def _window(self, since: float | None, as_of: float) -> tuple[RevokedSessions, float | None]:
        """The set that holds what is to be told, and which `until` it is later than."""
        if since is None or since < max(as_of - LOOK_BACK, self._late_at):
            return self._revoked, None
        # A cursor of a process that is ahead, or of a time before the database's was turned back.
        return self._recent, min(since, as_of) - LOOK_BACK + WINDOW_SECONDS


def _until(revoked: Mapping[str, float], *, after: float = 0.0) -> dict[str, float]:
    return {sid: moment + WINDOW_SECONDS for sid, moment in revoked.items() if moment > after}
