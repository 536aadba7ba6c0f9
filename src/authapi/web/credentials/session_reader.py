"""Sessions read from Redis for requests that wait: all that come in one moment share a question.

A thread for each request, and a question of its own, take three times as long as the rest of it.
"""

import asyncio
from contextvars import Context
from weakref import WeakKeyDictionary

from starlette.concurrency import run_in_threadpool

from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession

Waiting = dict[str, asyncio.Future[FoundSession | None]]


class SessionReader:
    """For any number of event loops; each asks one question at a time."""

    def __init__(self, cache: SessionCache) -> None:
        self._cache = cache
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting] = WeakKeyDictionary()
        self._asking: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = (
            WeakKeyDictionary()
        )

    async def find(self, sid: str) -> FoundSession | None:
        """None where Redis does not have it, or can't be asked."""
        if not self._cache.is_there:
            return None
        loop = asyncio.get_running_loop()
        waiting = self._waiting.setdefault(loop, {})
        if (answer := waiting.get(sid)) is None:
            answer = waiting[sid] = loop.create_future()
        if (asking := self._asking.get(loop)) is None or asking.done():
            # In no request's context: its log lines are of all of them.
            self._asking[loop] = loop.create_task(self._ask(loop), context=Context())
        # A request that is given up must not take the answer of the others along.
        return await asyncio.shield(answer)

    async def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        while waiting := self._waiting.pop(loop, None):
            try:
                found = await run_in_threadpool(self._cache.find, list(waiting))
            except Exception as error:  # noqa: BLE001 - each of them raises it
                for answer in waiting.values():
                    answer.set_exception(error)
                continue
            for sid, answer in waiting.items():
                answer.set_result(found.get(sid))
        del self._asking[loop]  # a task holds its loop, which else would outlive its end here
