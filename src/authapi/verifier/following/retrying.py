"""What is done over and over on one event loop, while threads may wait for a try of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
from random import uniform
from threading import Lock

from authapi.verifier.following.fetching import FetchError

log = logging.getLogger("authapi.verifier")

FIRST_PAUSE = 0.1  # seconds, doubled with each failure

Attempt = Future[None]


class RepeatingTask:
    """`step` does it once and says after how many seconds it is due again; FetchError is failure.

    However many threads ask for it, there is one try at a time.
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
        self._attempt: Attempt | None = Future()  # the first one, before there is a thread
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asked = asyncio.Event()
        self._failures = 0
        self._is_over = False
        self.problem: str | None = None  # why the last try failed

    @property
    def attempt(self) -> Attempt | None:
        """The try that is under way, to be waited for; it is done however it ends."""
        return self._attempt

    def ask_for_attempt(self) -> Attempt | None:
        """A try that begins now, or the one that is under way; None when it is all over."""
        with self._lock:
            if self._attempt is None and self._loop and not self._is_over:
                self._attempt = Future()
                self._loop.call_soon_threadsafe(self._asked.set)
            return self._attempt

    async def run(self) -> None:
        """Until cancelled."""
        self._loop = asyncio.get_running_loop()
        try:
            while True:
                await self._pause(await self._try())
        finally:
            with self._lock:
                self._is_over = True
            self._end_attempt()

    async def _try(self) -> float:
        with self._lock:
            self._attempt = self._attempt or Future()
        try:
            pause = await self._step()
        except FetchError as error:
            pause = self._failed(str(error))
        except Exception as error:  # noqa: BLE001 - it has to go on, whatever the issuer answers
            pause = self._failed(f"an unforeseen {error!r}", error)
        else:
            self._succeeded()
        finally:
            self._end_attempt()
        return pause

    def _end_attempt(self) -> None:
        with self._lock:
            attempt, self._attempt = self._attempt, None
        if attempt:
            attempt.set_result(None)

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._attempt is None:
                    self._asked.clear()
                    await self._asked.wait()

    def _failed(self, problem: str, unforeseen: Exception | None = None) -> float:
        if problem != self.problem:
            log.warning("Going on with what is known: %s", problem, exc_info=unforeseen)
        self.problem = problem
        self._after_failure()
        pause = min(self._longest_pause, FIRST_PAUSE * 2.0 ** min(self._failures, 16))
        self._failures += 1
        # By chance, or all services would come back to a restarted issuer at one moment.
        return pause * uniform(0.5, 1.0)  # noqa: S311

    def _succeeded(self) -> None:
        if self._failures:
            log.info("The issuer answers again.")
        self._failures, self.problem = 0, None
