"""Counters for the metrics, each in the object whose work it counts."""

from collections import Counter
from threading import Lock


class Tally:
    """Counts by name. Any thread may count. The names are ours, never a client's."""

    def __init__(self, *names: str) -> None:
        # A name that is there from the start has its first increase seen by Prometheus.
        self._counts = Counter(dict.fromkeys(names, 0))
        self._lock = Lock()

    def add(self, name: str) -> None:
        with self._lock:
            self._counts[name] += 1

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def items(self) -> list[tuple[str, int]]:
        with self._lock:
            return sorted(self._counts.items())
