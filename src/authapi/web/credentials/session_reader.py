"""Read sessions from Redis in batches: one MGET, on one thread, for all requests that wait.

A thread and a GET for each request would cost three times the rest of the request.
"""

import asyncio
from contextvars import Context
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool

from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession

Waiting = dict[str, asyncio.Future[FoundSession | None]]


class SessionReader:
    """For any number of event loops. Each has one batch under way at a time."""

    def __init__(self, cache: SessionCache) -> None:
        self._cache = cache
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = (
            WeakKeyDictionary()
        )

    async def find(self, sid: str) -> FoundSession | None:
        """Return the session; None if Redis does not have it or can't be reached."""
        if not self._cache.is_there:
            return None
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(loop, {})
        if (answer := waiting.get(sid)) is None:
            answer = waiting[sid] = loop.create_future()
        if (asking := self._asking.get(loop)) is None or asking.done():
            # In no request's context: a log line of the batch belongs to all its requests.
            self._asking[loop] = loop.create_task(self._ask(loop), context=Context())
        # A request that is cancelled must not cancel the answer that others wait for.
        return await asyncio.shield(answer)

    async def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        while waiting := self._waiting.pop(loop, None):
            try:
                found = await run_in_threadpool(self._cache.find, list(waiting))
            except Exception as error:  # noqa: BLE001 - each request raises it
                for answer in waiting.values():
                    answer.set_exception(error)
                continue
            for sid, answer in waiting.items():
                answer.set_result(found.get(sid))
        del self._asking[loop]  # the task holds its loop, which would never be freed
