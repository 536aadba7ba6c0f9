"""The few threads that hash passwords, so that hashing slows nothing else (docs/limits.md)."""

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar

from authapi.errors import Unavailable

HASH_NICENESS = 10  # added to the process's: a hash still gets its share of a busy machine

P = ParamSpec("P")
T = TypeVar("T")


class PasswordPool:
    """At most `threads` calls run and `queue` wait. Bound to no event loop."""

    def __init__(self, threads: int, queue: int) -> None:
        self._threads = threads
        self._places = threading.BoundedSemaphore(threads + queue)
        self._executor = self._new_executor()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what `function` returns. Raises Unavailable at once when there is no place.

        A call that is cancelled while it waits is never made. A call that is cancelled while it
        runs finishes, and keeps its place until then.
        """
        if not self._places.acquire(blocking=False):
            raise Unavailable
        # With the request's context, so that the thread's log lines carry the request's id.
        call = partial(contextvars.copy_context().run, partial(function, *args, **kwargs))
        try:
            future = self._executor.submit(call)
        except RuntimeError as error:  # Closed meanwhile.
            self._places.release()
            raise Unavailable from error
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

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


def _name_and_slow_down(number: int) -> None:
    threading.current_thread().name = f"authapi-password-{number}"
    # On Linux a thread has a priority of its own (nice(2)). A request that only verifies a token
    # so takes the processor from a hash at once.
    if sys.platform == "linux":
        with suppress(OSError):  # a sandbox may forbid it, and hashing works without
            os.nice(HASH_NICENESS)
