"""Was the issuer's clock set back, or does one of its processes lag?

Its clock may leap ahead for a while. Then the right time looks old, for as long as the leap. Time
that is right again goes on with our own clock. A process that lags is passed soon by the newest
page, and a process that is cut off from its database repeats one time.
"""

from typing import NamedTuple

PROOF_SECONDS = 5.0  # for which the time went on with our clock, in at least
PROOF_STEPS = 4
TOLERANCE_SECONDS = 1.5  # of several processes, each polls its database once a second


class _Page(NamedTuple):
    as_of: float
    at: float  # on our monotonic clock


class SetBackClock:
    """Pages that are older than the newest one, since a moment when they might begin a proof."""

    def __init__(self) -> None:
        self._first = self._last = _Page(0.0, 0.0)
        self._steps = 0

    def forget(self) -> None:
        """Begin anew: a page was newer than all before, so nothing was set back."""
        self._first = self._last = _Page(0.0, 0.0)
        self._steps = 0

    def proven_age(self, as_of: float, now: float) -> float | None:
        """Note an older page. Return how old its `as_of` is if it proves a set-back, or None."""
        page, behind = _Page(as_of, now), as_of - self._last.as_of
        if -TOLERANCE_SECONDS < behind <= 0:
            return None  # the same time again, or that of another process
        age = (now - self._first.at) - (as_of - self._first.as_of)
        if behind < 0 or abs(age) > TOLERANCE_SECONDS:
            self._first, self._steps = page, 0
        else:
            self._steps += 1
        self._last = page
        is_proven = self._steps >= PROOF_STEPS and as_of - self._first.as_of >= PROOF_SECONDS
        return max(0.0, age) if is_proven else None
