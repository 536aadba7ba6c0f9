"""Let the requests of one user run one after the other, where each of them is long.

Sixteen that run at once keep the request threads, and the event loop waits for the GIL after each
of its steps: `/verify` took 14 times as long. A request that waits for its turn has no thread.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

from authapi.errors import Unavailable

T = TypeVar("T")

MOST_PRESENT = 32  # of one user: each that waits holds a connection, which nobody can cut


class Turns:
    """Used on one event loop."""

    def __init__(self) -> None:
        self._locks: dict[str, asyncio.Lock] = {}
        self._present = Counter[str]()  # that run or wait

    async def take(self, who: str, work: Callable[[], T]) -> T:
        """Do the work on a thread in a turn of this user, and return its result."""
        async with self.turn(who):
            return await run_in_threadpool(work)

    @asynccontextmanager
    async def turn(self, who: str) -> AsyncIterator[None]:
        """Wait for the requests of the same user that came before; then run the block.

        Raises Unavailable if MOST_PRESENT of them run or wait already.
        """
        if self._present[who] >= MOST_PRESENT:
            raise Unavailable
        lock = self._locks.setdefault(who, asyncio.Lock())
        self._present[who] += 1
        try:
            async with lock:
                yield
        finally:
            self._present[who] -= 1
            if not self._present[who]:
                del self._present[who], self._locks[who]  # nobody stays in memory
