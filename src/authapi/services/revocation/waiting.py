"""Who may wait, at `GET /revocations` by default: so many in all, and a few from one address."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from authapi.services.limits.rate_limits import bucket

MAX_WAITERS = 256
MAX_WAITERS_OF_AN_ADDRESS = 8


class WaitingPlaces:
    """Used on one event loop: nothing happens between the look and the count."""

    def __init__(self, most: int = MAX_WAITERS, of_one: int = MAX_WAITERS_OF_AN_ADDRESS) -> None:
        self._most, self._of_one = most, of_one
        self._taken: Counter[str] = Counter()

    @contextmanager
    def place(self, address: str) -> Iterator[bool]:
        """Hold a place within the block. Yields False, and holds none, if too many wait."""
        who = bucket(address)
        if self._taken.total() >= self._most or self._taken[who] >= self._of_one:
            yield False
            return
        self._taken[who] += 1
        try:
            yield True
        finally:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]
