"""Time that stands still until a test moves it."""

from collections.abc import Callable

# A whole second and a half, so that rounding down is seen.
START = 1_800_000_000.5


class TestClock:
    """Unix seconds; also the clock of a PostgreSQL database that follows it."""

    __test__ = False

    def __init__(self) -> None:
        self._now = START
        self._followers: list[Callable[[float], None]] = []

    def __call__(self) -> float:
        return self._now

    def follow(self, set_time: Callable[[float], None]) -> None:
        """Have `set_time`, whose clock stands at START, called whenever the time moves."""
        self._followers.append(set_time)
        if self._now != START:
            set_time(self._now)

    def advance(self, seconds: float) -> None:
        self._now += seconds
        for set_time in self._followers:
            set_time(self._now)
