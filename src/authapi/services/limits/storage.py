"""Where the `limits` library counts: this process's memory, or Redis for several processes.

The library's own memory starts a thread after each count, which looks at every counter that there
is: with a counter for each session that costs more than the refresh. Ours sweeps once a minute.
"""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import TypeVar

import structlog
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage

from authapi.clock import Clock

log = structlog.get_logger()
T = TypeVar("T")

SWEEP_EVERY = 60.0
# Seconds: how long Redis may take, and how long it is left alone after it took longer.
REDIS_TIMEOUT = 0.2
REDIS_PAUSE = 1.0


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


class SharedStorage(Storage):
    """Counters in Redis, for several processes; in this one's memory while Redis is away."""

    STORAGE_SCHEME = None

    def __init__(self, redis_url: str, clock: Clock) -> None:
        super().__init__()
        self._shared = RedisStorage(
            redis_url,
            wrap_exceptions=True,
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
        )
        self._own = MemoryStorage(clock)
        self._away_until = 0.0

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        return self._ask(lambda storage: storage.incr(key, int(expiry), amount))

    def get(self, key: str) -> int:
        return self._ask(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        return self._ask(lambda storage: storage.get_expiry(key))

    def check(self) -> bool:
        return self._shared.check()

    def reset(self) -> int | None:
        return self._ask(lambda storage: storage.reset())

    def clear(self, key: str) -> None:
        self._ask(lambda storage: storage.clear(key))

    def _ask(self, question: Callable[[Storage], T]) -> T:
        if monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except StorageError as error:
                self._away_until = monotonic() + REDIS_PAUSE
                log.warning("redis_out_of_reach", reason=type(error).__name__)
        return question(self._own)
