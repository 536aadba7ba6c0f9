"""The pool's bounds, its queue, cancelling and closing. Threads meet at events; nothing sleeps."""

import asyncio
import contextvars
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from authapi.errors import Unavailable
from authapi.web.password_pool import PasswordPool

PATIENCE = 10.0  # Seconds until a test that hangs fails.


_numbers = count(1)


def somebody() -> str:
    """Return a client that has no place yet."""
    return f"client {next(_numbers)}"


@dataclass
class Work:
    """A call that says when it runs, and ends when it is let go."""

    started: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> str:
        self.started.set()
        assert self.released.wait(PATIENCE)
        self.finished.set()
        return threading.current_thread().name

    async def has_started(self) -> None:
        assert await asyncio.to_thread(self.started.wait, PATIENCE)


@pytest.fixture
def make_pool() -> Iterator[Callable[[int, int], PasswordPool]]:
    made: list[PasswordPool] = []

    def make(threads: int, queue: int) -> PasswordPool:
        made.append(PasswordPool(threads, queue))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


MakePool = Callable[[int, int], PasswordPool]


async def _start(pool: PasswordPool, work: Work) -> asyncio.Task[str]:
    """The call has a place afterwards, running or waiting."""
    task = asyncio.create_task(pool.run(somebody(), work))
    await asyncio.sleep(0)  # The task runs up to its wait.
    return task


def test_a_call_returns_what_its_function_returns(make_pool: MakePool) -> None:
    assert asyncio.run(make_pool(1, 0).run(somebody(), divmod, 7, 2)) == (3, 1)
    assert asyncio.run(make_pool(1, 0).run(somebody(), int, "ff", base=16)) == 255


def test_a_call_raises_what_its_function_raises(make_pool: MakePool) -> None:
    pool = make_pool(1, 0)
    for _ in range(3):  # An error gives its place back.
        with pytest.raises(ZeroDivisionError):
            asyncio.run(pool.run(somebody(), divmod, 1, 0))


def test_work_runs_on_threads_of_the_pools_own(make_pool: MakePool) -> None:
    async def names() -> set[str]:
        pool, works = make_pool(2, 0), [Work(), Work()]
        tasks = [await _start(pool, work) for work in works]
        for work in works:
            await work.has_started()
        for work in works:
            work.released.set()
        return set(await asyncio.gather(*tasks))

    assert asyncio.run(names()) == {"authapi-password-1", "authapi-password-2"}


def test_past_the_queue_a_call_is_refused_at_once(make_pool: MakePool) -> None:
    async def scenario() -> None:
        pool, works = make_pool(2, 1), [Work(), Work(), Work()]
        tasks = [await _start(pool, work) for work in works]
        await works[0].has_started()
        await works[1].has_started()
        assert not works[2].started.is_set()
        with pytest.raises(Unavailable) as refusal:
            await pool.run(somebody(), str)
        assert refusal.value.headers["Retry-After"] == "1"
        for work in works:
            work.released.set()
        await asyncio.gather(*tasks)
        assert await pool.run(somebody(), int, "7") == 7

    asyncio.run(scenario())


def test_the_queue_is_served_in_order(make_pool: MakePool) -> None:
    async def scenario() -> None:
        pool, first, order = make_pool(1, 5), Work(), list[int]()
        running = await _start(pool, first)
        waiting = []
        for number in range(5):
            waiting.append(asyncio.create_task(pool.run(somebody(), order.append, number)))
            await asyncio.sleep(0)
        first.released.set()
        await asyncio.gather(running, *waiting)
        assert order == [0, 1, 2, 3, 4]

    asyncio.run(scenario())


def test_a_waiting_call_that_is_cancelled_is_never_made(make_pool: MakePool) -> None:
    async def scenario() -> None:
        pool, running, waiting, next_one = make_pool(1, 1), Work(), Work(), Work()
        first = await _start(pool, running)
        await running.has_started()
        second = await _start(pool, waiting)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        third = await _start(pool, next_one)  # In the place that the cancelled one left.
        for work in (running, waiting, next_one):
            work.released.set()
        await asyncio.gather(first, third)
        assert not waiting.started.is_set()

    asyncio.run(scenario())


def test_a_running_call_that_is_cancelled_finishes_and_keeps_its_place(make_pool: MakePool) -> None:
    async def scenario() -> Work:
        pool, running = make_pool(1, 0), Work()
        task = await _start(pool, running)
        await running.has_started()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(Unavailable):
            await pool.run(somebody(), str)
        running.released.set()
        await asyncio.to_thread(pool.close)
        return running

    assert asyncio.run(scenario()).finished.is_set()


def test_a_loop_that_ends_leaves_the_pool_usable(make_pool: MakePool) -> None:
    pool, running = make_pool(1, 0), Work()

    async def given_up() -> None:
        await _start(pool, running)
        await running.has_started()

    asyncio.run(given_up())  # Cancels its tasks, and is closed while the thread runs.
    running.released.set()
    pool.close()
    assert asyncio.run(pool.run(somebody(), int, "7")) == 7


def test_context_variables_are_seen_in_the_thread_and_not_changed_by_it(
    make_pool: MakePool,
) -> None:
    request_id = contextvars.ContextVar("request_id", default="none")

    def look_and_change() -> str:
        seen = request_id.get()
        request_id.set("changed in the thread")
        return seen

    async def request(name: str) -> tuple[str, str]:
        request_id.set(name)
        return await pool.run(somebody(), look_and_change), request_id.get()

    async def scenario() -> list[tuple[str, str]]:
        return list(await asyncio.gather(request("one"), request("two")))

    pool = make_pool(1, 1)
    assert asyncio.run(scenario()) == [("one", "one"), ("two", "two")]


def test_one_pool_serves_several_loops(make_pool: MakePool) -> None:
    pool = make_pool(2, 2)  # Made where there is no loop.
    answers: list[int] = []

    def loop_of_its_own() -> None:
        answers.append(asyncio.run(pool.run(somebody(), int, "7")))

    threads = [threading.Thread(target=loop_of_its_own) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [7] * 4


def test_closing_waits_for_what_runs_and_what_waits(make_pool: MakePool) -> None:
    async def scenario() -> None:
        pool, works = make_pool(1, 1), [Work(), Work()]
        tasks = [await _start(pool, work) for work in works]
        await works[0].has_started()
        closing = asyncio.create_task(asyncio.to_thread(pool.close))
        for work in works:
            work.released.set()
        await closing
        assert all(work.finished.is_set() for work in works)
        await asyncio.gather(*tasks)

    asyncio.run(scenario())


def test_a_closed_pool_can_be_used_again(make_pool: MakePool) -> None:
    pool = make_pool(1, 0)
    for _ in range(3):
        assert asyncio.run(pool.run(somebody(), int, "7")) == 7
        pool.close()


def test_a_call_that_meets_the_closing_is_refused(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(1, 0)
    pool._executor.shutdown()
    for _ in range(2):  # And gives its place back: the second isn't refused for want of one.
        with pytest.raises(Unavailable) as refusal:
            asyncio.run(pool.run(somebody(), str))
        assert isinstance(refusal.value.__cause__, RuntimeError)


OWN_PRIORITY = """
import asyncio, os
from authapi.web.password_pool import PasswordPool
pool = PasswordPool(1, 0)
print(asyncio.run(pool.run("client", os.nice, 0)), os.nice(0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads share one priority")
@pytest.mark.parametrize(("of_process", "of_thread"), [(0, 10), (15, 19)])
def test_a_hash_gives_way_whatever_the_priority_of_the_process(
    of_process: int, of_thread: int
) -> None:
    own = os.nice(0)
    command = ["nice", "-n", str(of_process), sys.executable, "-c", OWN_PRIORITY]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(min(19, own + of_thread)), str(min(19, own + of_process))]


def test_a_pool_works_where_no_priority_may_be_changed(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "nice", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    assert asyncio.run(make_pool(1, 0).run(somebody(), int, "7")) == 7
