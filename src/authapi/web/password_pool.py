"""The few threads that hash passwords, so that hashing slows nothing else (docs/limits.md)."""

import asyncio
import contextvars
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

from authapi.errors import Unavailable
from authapi.services.accounts.hashing import Hash, Hashing, Question
from authapi.services.limits.rate_limits import bucket
from authapi.tally import Tally, Times
from authapi.tracing import traces

HASH_NICENESS = 10  # added to the process's: a hash still gets its share of a busy machine
SHARES = 8  # a client may hold one of so many equal parts of the places

# Of the waiting time, in seconds. A hash takes about 20 ms of a core.
WAIT_BOUNDS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

P = ParamSpec("P")
T = TypeVar("T")


class PasswordPool:
    """At most `threads` calls run and `queue` wait. Bound to no event loop.

    No client holds more than an eighth of these places: a flood from one address leaves the others
    to everybody else.
    """

    def __init__(self, threads: int, queue: int) -> None:
        self._threads = threads
        self._places, self.queue = threads + queue, queue
        self._share = max(1, self._places // SHARES)
        self._taken = Counter[str]()
        self._lock = threading.Lock()
        self.refused = Tally("full", "share")
        self.waits = Times(WAIT_BOUNDS)
        self._executor = self._new_executor()

    @property
    def taken(self) -> int:
        """Return how many places are taken: by calls that run, and by calls that wait."""
        return self._taken.total()

    @property
    def taken_share(self) -> float:
        """Return how much of the places is taken, from 0 to 1."""
        return self.taken / self._places

    @property
    def waiting(self) -> int:
        return max(0, self.taken - self._threads)

    async def carry_out(self, use_case: Hashing[T], address: str) -> T:
        """Return what the use case returns. Compute its hashes here, for a client's address.

        All its other steps run on request threads. So it has no place of the pool before it asks
        for a hash. Raises Unavailable, inside the use case first: it can give back its counts.
        """
        client = bucket(address)
        resume: Callable[[], Hash | Question] = partial(use_case.send, None)
        try:
            while not isinstance(step := await run_in_threadpool(_step, resume), _Result):
                try:
                    resume = partial(use_case.send, await self._answer(client, step))
                except Exception as error:  # noqa: BLE001 - the use case handles it
                    resume = partial(use_case.throw, error)
        except asyncio.CancelledError:
            with suppress(ValueError):  # its step still runs on a thread, and then it ends
                await run_in_threadpool(use_case.close)
            raise
        result: T = step.value
        return result

    async def _answer(self, client: str, step: Hash | Question) -> object:
        if isinstance(step, Question):
            return await asyncio.wrap_future(await run_in_threadpool(step.begin))
        return await self.run(client, step)

    async def run(
        self, client: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function` returns. Raises Unavailable at once when there is no place.

        A call that is cancelled while it waits is never made. A call that is cancelled while it
        runs finishes, and keeps its place until then.
        """
        self._take_place(client)
        # With the request's context, so that the thread's log lines carry the request's id.
        work = partial(self._after_wait, perf_counter(), partial(function, *args, **kwargs))
        call = partial(contextvars.copy_context().run, work)
        try:
            future = self._executor.submit(call)
        except RuntimeError as error:  # Closed meanwhile.
            self._leave_place(client)
            raise Unavailable from error
        future.add_done_callback(lambda _: self._leave_place(client))
        return await asyncio.wrap_future(future)

    def _after_wait(self, asked_at: float, function: Callable[[], T]) -> T:
        self.waits.note(perf_counter() - asked_at)
        with traces.within("hash password"):
            return function()

    def _take_place(self, client: str) -> None:
        with self._lock:
            is_full = self.taken >= self._places
            if is_full or self._taken[client] >= self._share:
                self.refused.add("full" if is_full else "share")
                raise Unavailable
            self._taken[client] += 1

    def _leave_place(self, client: str) -> None:
        with self._lock:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]  # no address stays in memory

    def close(self) -> None:
        """Wait for the calls that run or wait. A later `run` starts new threads.

        An application may be started again.
        """
        closing, self._executor = self._executor, self._new_executor()
        closing.shutdown()

    def _new_executor(self) -> ThreadPoolExecutor:
        numbers = count(1)  # Threads are started one by one, when there is work for them.
        return ThreadPoolExecutor(
            self._threads, initializer=lambda: _name_and_slow_down(next(numbers))
        )


@dataclass(frozen=True, slots=True)
class _Result:
    """What a use case returned. A StopIteration can't leave a thread's future."""

    value: Any


def _step(resume: Callable[[], Hash | Question]) -> Hash | Question | _Result:
    """Go on with a use case to its next hash, or to its end."""
    try:
        return resume()
    except StopIteration as end:
        return _Result(end.value)


def _name_and_slow_down(number: int) -> None:
    threading.current_thread().name = f"authapi-password-{number}"
    # On Linux a thread has a priority of its own (nice(2)). A request that only verifies a token
    # so takes the processor from a hash at once.
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and hashing works without
            os.nice(HASH_NICENESS)
