"""Who may wait at `GET /revocations`: so many in all, and a few from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from authapi.services.limits.rate_limits import bucket

MAX_WAITERS = 256
MAX_WAITERS_OF_AN_ADDRESS = 8


class WaitingPlaces:
    """Used on one event loop: nothing happens between the look and the count."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, address: str) -> Iterator[bool]:
        """Hold a place within the block. Yields False, and holds none, if too many wait."""
        who = bucket(address)
        if self._taken.total() >= MAX_WAITERS or self._taken[who] >= MAX_WAITERS_OF_AN_ADDRESS:
            yield False
            return
        self._taken[who] += 1
        try:
            yield True
        finally:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
