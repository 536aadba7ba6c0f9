"""A task that repeats on one event loop, with back-off. Threads can wait for its next attempt."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from random import uniform
from threading import Lock

from authapi.verifier.following.fetching import FetchError
from authapi.verifier.log import log

FIRST_PAUSE_SECONDS = 0.1  # doubled with each failure

Attempt = Future[None]


class RepeatingTask:
    """Repeats `step`, which returns the seconds until the next one and may raise FetchError.

    There is one attempt at a time, however many threads ask for one.
    """

    def __init__(
        self,
        step: Callable[[], Awaitable[float]],
        *,
        longest_pause: float,
        after_failure: Callable[[], None],
    ) -> None:
        self._step = step
        self._longest_pause = longest_pause  # seconds, after many failures
        self._after_failure = after_failure
        self._lock = Lock()
        # The attempt under way, to be waited for; it is done however it ends.
        self.attempt: Attempt | None = Future()  # the first one, before there is a thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._bound: asyncio.Timeout | None = None  # around the step that is under way
        self._asked = asyncio.Event()
        self._failures = 0
        self._is_over = False
        self.problem: str | None = None  # why the last attempt failed

    def next_attempt(self) -> Attempt | None:
        """Return the attempt under way, or the next one when it is due; None after the end."""
        with self._lock:
            if self.attempt is None and not self._is_over:
                self.attempt = Future()
            return self.attempt

    def ask_for_attempt(self) -> Attempt | None:
        """Return the attempt under way, or one that begins now; None after the end."""
        attempt = self.next_attempt()
        with self._lock:
            if self._loop and self._bound is None:
                self._loop.call_soon_threadsafe(self._asked.set)
        return attempt

    def restart(self) -> Attempt | None:
        """As ask_for_attempt, but begin the attempt under way anew, and forget the failures."""
        self._failures = 0
        with self._lock:
            if self._loop and self._bound:
                self._loop.call_soon_threadsafe(_end, self._bound)
        return self.ask_for_attempt()

    async def run(self) -> None:
        """Repeat until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._pause(await self._try())
        finally:
            with self._lock:
                self._is_over = True
            self._end_attempt()

    async def _try(self) -> float:
        self._asked.clear()
        self.next_attempt()
        try:
            while (pause := await self._step_once()) is None:
                pass
        finally:
            self._end_attempt()
        return pause

    async def _step_once(self) -> float | None:
        """Return the seconds until the next attempt; None if `restart` ended this one."""
        bound = self._bound = asyncio.timeout(None)
        try:
            async with bound:
                pause = await self._step()
        except FetchError as error:
            return self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - it has to go on, whatever the issuer answers
            return None if bound.expired() else self._failed(f"an unforeseen {error!r}", error)
        if self._failures:
            log.info("The issuer answers again.")
        self._failures, self.problem = 0, None
        return pause

    def _end_attempt(self) -> None:
        with self._lock:
            self._bound = None
            attempt, self.attempt = self.attempt, None
        if attempt:
            attempt.set_result(None)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()

    def _failed(self, problem: str, unforeseen: Exception | None = None) -> float:
        if problem != self.problem:
            log.warning("Going on with what is known: %s", problem, exc_info=unforeseen)
        self.problem = problem
        self._after_failure()
        pause = min(self._longest_pause, FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 16))
        self._failures += 1
        # Random, or all services would come back to a restarted issuer at one moment.
        return pause * uniform(0.5, 1.0)  # noqa: S311


def _end(bound: asyncio.Timeout) -> None:
    with suppress(RuntimeError):  # it has ended by itself
        bound.reschedule(0)
