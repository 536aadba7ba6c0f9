"""Counters in this process's memory, for the `limits` library.

The library's own starts a thread after each count, which looks at every counter there is: with a
counter for each session that costs more than the refresh. This one sweeps once a minute.
"""

from threading import Lock

from limits.storage import Storage

from authapi.clock import Clock

SWEEP_EVERY = 60.0


class MemoryStorage(Storage):
    """Each counter is its count and the moment at which it ends."""

    STORAGE_SCHEME = None

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._lock = Lock()
        self._counters: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = self._clock()
        with self._lock:
            self._sweep(now)
            count, ends_at = self._counters.get(key, (0, now + expiry))
            if ends_at <= now:
                count, ends_at = 0, now + expiry
            count = max(0, count + amount)
            self._counters[key] = (count, ends_at)
        return count

    def get(self, key: str) -> int:
        count, ends_at = self._counters.get(key, (0, 0.0))
        return count if ends_at > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        _, ends_at = self._counters.get(key, (0, 0.0))
        return max(ends_at, self._clock())

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        with self._lock:
            removed = len(self._counters)
            self._counters.clear()
        return removed

    def clear(self, key: str) -> None:
        with self._lock:
            self._counters.pop(key, None)

    def _sweep(self, now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_EVERY
        ended = [key for key, (_, ends_at) in self._counters.items() if ends_at <= now]
        for key in ended:
            del self._counters[key]
