"""A clock that stands still until a test moves it."""

from collections.abc import Callable

# It ends in .5, so that a test notices whether a moment is rounded down.
START = 1_800_000_000.5


class TestClock:
    """A clock in Unix seconds. Databases follow it."""

    __test__ = False

    def __init__(self) -> None:
        self._now = START
        self._followers: list[Callable[[float], None]] = []

    def __call__(self) -> float:
        return self._now

    def follow(self, set_time: Callable[[float], None]) -> None:
        """Call `set_time` whenever the time moves; its own clock begins at START."""
        self._followers.append(set_time)
        if self._now != START:
            set_time(self._now)

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for set_time in self._followers:
            set_time(self._now)
