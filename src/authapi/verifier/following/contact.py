"""Whether the issuer was in touch lately, so that a process that was frozen asks before it answers.

Two clocks judge it. The monotonic one may stand still while a machine sleeps, and somebody may set
the other one back while it does: a span counts by whichever clock says more.
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
    """The newest answer of the issuer, or that it is known to be out of reach.

    An answer counts from when it was asked for: a request that waited through a freeze is old.
    The follower beats between its requests; a gap between two beats is a freeze, and what was
    known before it about the issuer's reach counts no more.
    """

    def __init__(
        self,
        catch_up: float | None,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.clock, self.monotonic = clock, monotonic
        self._limit = inf if catch_up is None else catch_up
        self.interval = self._limit / ANSWERS_PER_CATCH_UP  # seconds between answers, at most
        self.freezes = 0
        self._answer = self._beat = self.now()
        self._silent_since: float | None = None  # monotonic: asked since then, and no answer yet

    def now(self) -> Moment:
        return Moment(self.clock(), self.monotonic())

    def is_old(self) -> bool:
        """Whether the newest answer is older than `catch_up`."""
        wall, ticks = self._answer
        return self.monotonic() - ticks > self._limit or abs(self.clock() - wall) > self._limit

    def is_due(self) -> bool:
        """Whether a verification must wait for an answer first.

        Not once the issuer was silent for PATIENCE_SECONDS: nobody waits again and again.
        """
        wall, ticks = self._answer
        # As is_old, written out: this is on the way of every verified request.
        if self.monotonic() - ticks <= self._limit and abs(self.clock() - wall) <= self._limit:
            return False
        self.beat()
        now = self.monotonic()
        if self._silent_since is None:
            self._silent_since = now
        return now - self._silent_since < PATIENCE_SECONDS

    def note_answer(self, asked: Moment) -> None:
        """Note an answer to a request that was sent at that moment; what it says is learned."""
        self._answer = asked
        if not self.is_old():
            self._silent_since = None

    def note_failure(self, freezes: int) -> None:
        """Note a request that failed; `freezes` is how many there had been when it was sent."""
        self.beat()
        if freezes == self.freezes and self._silent_since is None:
            self._silent_since = self.monotonic()

    def beat(self) -> bool:
        """Note that the process runs; return whether it was frozen since the last beat."""
        now, last = self.now(), self._beat
        was_frozen = now.ticks - last.ticks > self._limit or abs(now.wall - last.wall) > self._limit
        if was_frozen:
            self.freezes += 1
            self._silent_since = None
        self._beat = now
        return was_frozen

    def end(self) -> None:
        """Stop asking: what is known goes on being used."""
        self._limit = inf
