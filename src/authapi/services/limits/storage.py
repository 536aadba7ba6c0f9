"""The counters of the limits: in this process's memory, or in Redis for several processes.

The library's memory storage starts a thread after each count, and reads every counter. With a
counter a session that costs more than the refresh. Ours sweeps once a minute.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import TypeVar

from limits.errors import StorageError
from limits.storage import RedisStorage

from authapi.clock import Clock
from authapi.logs import log

T = TypeVar("T")

SWEEP_PAUSE_SECONDS = 60.0
MAX_COUNTERS = 30_000  # of each kind of limit: 10 MB, a third of a kilobyte each
REDIS_TIMEOUT_SECONDS = 0.2
REDIS_PAUSE_SECONDS = 1.0  # no request asks Redis for so long after an error


Counters = OrderedDict[str, tuple[int, float]]


class MemoryStorage:
    """Counters in memory: each is a count and the moment at which it ends.

    Each kind of limit keeps MAX_COUNTERS. Past that, the one that was used longest ago goes out.
    So made-up names push out each other, and never the counter of the address that tries them.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kinds: defaultdict[str, Counters] = defaultdict(OrderedDict)
        self._sweep_at = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._kinds.values()))

    def incr(self, key: str, expiry: int, amount: int) -> int:
        now = self._clock()
        with self._lock:
            self._sweep(now)
            counters = self._kinds[kind_of(key)]
            count, ends_at = counters.pop(key, (0, 0.0))
            if ends_at <= now:
                count, ends_at = 0, now + expiry
            count = max(0, count + amount)
            if count:  # A count that is given back leaves nothing behind.
                counters[key] = (count, ends_at)
            if len(counters) > MAX_COUNTERS:
                counters.popitem(last=False)
        return count

    def clear(self, key: str) -> None:
        with self._lock:
            self._kinds[kind_of(key)].pop(key, None)

    def get(self, key: str) -> int:
        count, ends_at = self._counter(key)
        return count if ends_at > self._clock() else 0

    def get_expiry(self, key: str) -> float:
        _, ends_at = self._counter(key)
        return max(ends_at, self._clock())

    def _counter(self, key: str) -> tuple[int, float]:
        with self._lock:
            return self._kinds[kind_of(key)].get(key, (0, 0.0))

    def _sweep(self, now: float) -> None:
        if now < self._sweep_at:
            return
        self._sweep_at = now + SWEEP_PAUSE_SECONDS
        for counters in self._kinds.values():
            for key in [key for key, (_, ends_at) in counters.items() if ends_at <= now]:
                del counters[key]


def kind_of(key: str) -> str:
    """Return the limit that a key is of: the library writes it behind its own name."""
    return key.split("/", 2)[1]


class SharedStorage:
    """Counters in Redis, and in this process's memory while Redis is out of reach."""

    def __init__(self, redis_url: str, clock: Clock) -> None:
        self._shared = RedisStorage(
            redis_url,
            wrap_exceptions=True,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
        )
        self._own = MemoryStorage(clock)
        self._away_until = 0.0

    def incr(self, key: str, expiry: int, amount: int) -> int:
        return self._ask(lambda storage: storage.incr(key, expiry, amount))

    def clear(self, key: str) -> None:
        self._ask(lambda storage: storage.clear(key))

    def get(self, key: str) -> int:
        return self._ask(lambda storage: storage.get(key))

    def get_expiry(self, key: str) -> float:
        return self._ask(lambda storage: storage.get_expiry(key))

    def _ask(self, question: Callable[[RedisStorage | MemoryStorage], T]) -> T:
        if monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except (StorageError, ValueError) as error:  # ValueError: not a number of ours
                self._away_until = monotonic() + REDIS_PAUSE_SECONDS
                log.warning("redis_out_of_reach", reason=type(error).__name__)
        return question(self._own)
