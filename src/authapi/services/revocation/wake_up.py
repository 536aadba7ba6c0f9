"""Let coroutines wait for a thread."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from threading import RLock
from time import monotonic


class WakeUp:
    def __init__(self) -> None:
        self._waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()
        self._lock = RLock()  # a signal handler may call `close` while this thread holds it
        self._is_closed = False

    @property
    def readers(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def wake(self) -> None:
        """Let all who wait check their condition again. Any thread may call this."""
        with self._lock:
            waiting = list(self._waiting)
        for loop, event in waiting:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(event.set)

    def close(self) -> None:
        """End all waiting, now and later, since the process wants to end."""
        self._is_closed = True
        self.wake()

    async def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until the condition holds, for so many seconds at most."""
        event = asyncio.Event()
        entry = (asyncio.get_running_loop(), event)
        ends_at = monotonic() + seconds
        with self._lock:
            self._waiting.add(entry)
        try:
            while not condition() and not self._is_closed:
                async with asyncio.timeout(ends_at - monotonic()):
                    await event.wait()
                event.clear()
        except TimeoutError:
            return
        finally:
            with self._lock:
                self._waiting.discard(entry)
