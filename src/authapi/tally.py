"""Counts for the metrics, each in the object whose work it counts.

The numbers of an object are a list, which counts fastest. Where several workers serve, `move_to`
moves them into memory that all of them read, as doubles (web/metrics/workers.py).
"""

from bisect import bisect_left
from collections.abc import Sequence
from threading import Lock
from typing import TypeAlias

Numbers: TypeAlias = "list[float] | memoryview[float]"


class Counts:
    """Numbers that only grow."""

    def __init__(self, size: int) -> None:
        self._numbers: Numbers = [0] * size
        self._before: Sequence[float] = [0] * size  # another process counted them
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._numbers)

    def numbers(self) -> list[float]:
        """Return them all, with those that an earlier process counted in the same memory."""
        with self._lock:
            return list(self._numbers)

    def move_to(self, memory: "memoryview[float]") -> None:
        """Go on in this memory, from the numbers that are there. They are another process's."""
        with self._lock:
            self._before = list(memory)
            for place, number in enumerate(self._numbers):
                memory[place] += number
            self._numbers = memory

    def leave_memory(self) -> None:
        """Go on with numbers of its own, from nothing."""
        with self._lock:
            self._numbers = [0] * len(self._numbers)
            self._before = [0] * len(self._numbers)


class Tally(Counts):
    """Counts by name. Any thread may count. The names are ours, never a client's."""

    def __init__(self, *names: str) -> None:
        # A name that is there from the start has its first increase seen by Prometheus.
        self.names = tuple(sorted(names))
        self._places = {name: place for place, name in enumerate(self.names)}
        super().__init__(len(names))

    def add(self, name: str) -> None:
        """Count one. A name that is not known is not counted: nobody fails by a metric."""
        place = self._places.get(name)
        if place is not None:
            with self._lock:
                self._numbers[place] += 1

    def __getitem__(self, name: str) -> int:
        """Return how many this process has counted."""
        place = self._places[name]
        return int(self._numbers[place] - self._before[place])


class Times(Counts):
    """A histogram of seconds: a number for each bucket, one above them, and the sum."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        super().__init__(len(self.bounds) + 2)

    def note(self, seconds: float) -> None:
        with self._lock:
            self._numbers[bisect_left(self.bounds, seconds)] += 1
            self._numbers[-1] += seconds
