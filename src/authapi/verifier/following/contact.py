"""When the issuer last answered: a process that was frozen asks it before it accepts a token.

The monotonic clock may stand still while a machine sleeps, and somebody may set the wall clock
back. So a span counts by the clock that says more.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from authapi.verifier.lifetimes import PATIENCE_SECONDS

ANSWERS_PER_CATCH_UP = 3  # the oldest answer is two requests old when the next one comes


class Moment(NamedTuple):
    wall: float
    ticks: float  # of the monotonic clock


class Contact:
    """The issuer's newest answer, or since when it has been silent.

    An answer counts from the moment of its request, which may have waited through a freeze. A gap
    between two beats is a freeze: an issuer that was silent before it may answer now.
    """

    def __init__(
        self, catch_up: float | None, *, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.clock, self.monotonic = clock, monotonic
        self._limit = inf if catch_up is None else catch_up
        self.interval = self._limit / ANSWERS_PER_CATCH_UP  # seconds between answers, at most
        self.freezes = 0
        self._answer = self._beat = self.now()
        self._silent_since: float | None = None  # monotonic: asked since then, and no answer yet
        self._keys_good_until = inf  # monotonic
        self.require_keys: Callable[[], None] = lambda: None  # raises if they are too old
        self._note_quick()

    def now(self) -> Moment:
        return Moment(self.clock(), self.monotonic())

    def is_old(self) -> bool:
        """Return whether the newest answer is older than `catch_up`."""
        return self._is_long(self._answer, self.now())

    def is_due(self) -> bool:
        """Return whether a verification must wait for an answer first.

        It need not once the issuer was silent for PATIENCE_SECONDS: nobody waits again and again.
        Raises VerifierNotReadyError if the keys are too old, which no answer of the feed mends.
        """
        # As is_old, without its calls: every verified request comes here.
        if (
            self.monotonic() <= self._quick_until
            and abs(self.clock() - self._answer.wall) <= self._limit
        ):
            return False
        self.require_keys()
        if not self.is_old():
            return False
        self.beat()
        now = self.monotonic()
        since = self._silent_since  # read once: the thread that follows may end the silence
        if since is None:
            since = self._silent_since = now
        return now - since < PATIENCE_SECONDS

    def note_answer(self, asked: Moment) -> None:
        """Note an answer whose content is learned; its request was sent at `asked`."""
        self._answer = asked
        self._note_quick()
        if not self.is_old():
            self._silent_since = None

    def note_keys(self, good_until: float) -> None:
        """Note until when the keys count, on the monotonic clock."""
        self._keys_good_until = good_until
        self._note_quick()

    def note_failure(self, freezes: int) -> None:
        """Note a failed request. `freezes` is their number when it was sent."""
        self.beat()
        if freezes == self.freezes and self._silent_since is None:
            self._silent_since = self.monotonic()

    def beat(self) -> bool:
        """Note that the process runs; return whether it was frozen since the last beat."""
        now, last = self.now(), self._beat
        self._beat = now
        if was_frozen := self._is_long(last, now):
            self.freezes += 1
            self._silent_since = None
        return was_frozen

    def end(self) -> None:
        """Let no verification wait any more."""
        self._limit = inf
        self._note_quick()

    def _note_quick(self) -> None:
        self._quick_until = min(self._answer.ticks + self._limit, self._keys_good_until)

    def _is_long(self, start: Moment, end: Moment) -> bool:
        return end.ticks - start.ticks > self._limit or abs(end.wall - start.wall) > self._limit
