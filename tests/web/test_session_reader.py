"""Sessions asked for together: nobody's request, and nobody's loop, outlives its own."""

import asyncio
import gc
import threading
from collections.abc import Sequence
from typing import cast
from weakref import ref

from structlog.contextvars import bind_contextvars, get_contextvars

from authapi.db.session_cache import SessionCache
from authapi.db.session_lookups import FoundSession
from authapi.web.credentials.session_reader import SessionReader

PATIENCE = 10.0  # seconds until a test that hangs fails


class Cache:
    """Answers when it is let, and notes what it was asked, and what a log line would carry."""

    is_there = True

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.contexts: list[dict[str, object]] = []
        self.started, self.released = threading.Event(), threading.Event()

    def find(self, sids: Sequence[str]) -> dict[str, FoundSession]:
        self.asked.append(list(sids))
        self.contexts.append(get_contextvars())
        self.started.set()
        assert self.released.wait(PATIENCE)
        return {}


async def _find_all(reader: SessionReader, cache: Cache) -> None:
    async def find(sid: str) -> None:
        bind_contextvars(request_id=f"of {sid}")
        assert await reader.find(sid) is None

    first = asyncio.create_task(find("a"))
    assert await asyncio.to_thread(cache.started.wait, PATIENCE)
    others = [asyncio.create_task(find(sid)) for sid in "bcc"]
    given_up = asyncio.create_task(find("c"))
    await asyncio.sleep(0)
    given_up.cancel()
    cache.released.set()
    await asyncio.wait_for(asyncio.gather(first, *others), PATIENCE)


def _reader() -> tuple[SessionReader, Cache]:
    cache = Cache()
    return SessionReader(cast("SessionCache", cache)), cache


def test_what_comes_meanwhile_is_asked_together_and_in_no_requests_name() -> None:
    reader, cache = _reader()
    asyncio.run(_find_all(reader, cache))
    assert cache.asked == [["a"], ["b", "c"]]
    assert cache.contexts == [{}, {}]


def test_a_loop_that_has_ended_is_let_go() -> None:
    reader, cache = _reader()
    loops = []
    for _ in range(3):
        with asyncio.Runner() as runner:
            loops.append(ref(runner.get_loop()))
            runner.run(_find_all(reader, cache))
    gc.collect()
    assert [loop() for loop in loops] == [None] * 3
