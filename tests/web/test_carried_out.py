"""How the password pool carries out a use case: hashes on its threads, all else on others."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from authapi.errors import Unavailable
from authapi.services.accounts.hashing import Hashing, hash_here
from authapi.web.password_pool import PasswordPool

PATIENCE = 10.0  # seconds until a test that hangs fails
ADDRESS = "192.0.2.1"


@pytest.fixture
def pool() -> Iterator[PasswordPool]:
    pool = PasswordPool(1, 0)
    yield pool
    pool.close()


def thread_name() -> str:
    return threading.current_thread().name


def two_hashes() -> Hashing[list[str]]:
    first = yield thread_name
    between = thread_name()
    second = yield thread_name
    return [first, between, second]


def test_hashes_run_in_the_pool_and_all_else_does_not(pool: PasswordPool) -> None:
    first, between, second = asyncio.run(pool.carry_out(two_hashes(), ADDRESS))
    assert first == second == "authapi-password-1"
    assert between not in {first, threading.main_thread().name}


def test_a_command_hashes_on_its_own_thread() -> None:
    assert hash_here(two_hashes()) == [thread_name()] * 3


def test_a_use_case_that_needs_no_hash_needs_no_place(pool: PasswordPool) -> None:
    def refused() -> Hashing[None]:
        raise KeyError
        yield thread_name

    async def scenario() -> None:
        done = threading.Event()
        holding = asyncio.create_task(pool.run("somebody else", done.wait, PATIENCE))
        await asyncio.sleep(0)
        with pytest.raises(KeyError):
            await pool.carry_out(refused(), ADDRESS)
        done.set()
        await holding

    asyncio.run(scenario())


def noting(compute: Callable[[], object], notes: list[str]) -> Hashing[None]:
    """Note how the hash ended, as a limit does that gives back its count."""
    try:
        yield compute
    except BaseException as error:
        notes.append(type(error).__name__)
        raise
    notes.append("done")


def test_a_hash_that_fails_fails_inside_its_use_case(pool: PasswordPool) -> None:
    notes: list[str] = []
    with pytest.raises(ZeroDivisionError):
        asyncio.run(pool.carry_out(noting(lambda: 1 // 0, notes), ADDRESS))
    assert notes == ["ZeroDivisionError"]


def test_a_use_case_learns_that_there_is_no_place(pool: PasswordPool) -> None:
    async def scenario() -> list[str]:
        done, notes = threading.Event(), list[str]()
        holding = asyncio.create_task(pool.run("somebody else", done.wait, PATIENCE))
        await asyncio.sleep(0)
        with pytest.raises(Unavailable):
            await pool.carry_out(noting(thread_name, notes), ADDRESS)
        done.set()
        await holding
        return notes

    assert asyncio.run(scenario()) == ["Unavailable"]


def test_a_request_that_is_cancelled_ends_its_use_case(pool: PasswordPool) -> None:
    started, done = threading.Event(), threading.Event()

    def compute() -> None:
        started.set()
        done.wait(PATIENCE)

    async def scenario() -> list[str]:
        notes: list[str] = []
        task = asyncio.create_task(pool.carry_out(noting(compute, notes), ADDRESS))
        assert await asyncio.to_thread(started.wait, PATIENCE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        done.set()
        return notes

    assert asyncio.run(scenario()) == ["GeneratorExit"]


def test_the_addresses_of_a_host_share_its_part_and_none_is_kept() -> None:
    started, done = threading.Event(), threading.Event()

    def compute() -> None:
        started.set()
        done.wait(PATIENCE)

    async def scenario(pool: PasswordPool) -> None:
        holding = asyncio.create_task(pool.carry_out(noting(compute, []), "2001:db8::1"))
        assert await asyncio.to_thread(started.wait, PATIENCE)
        with pytest.raises(Unavailable):
            await pool.carry_out(noting(thread_name, []), "2001:db8::2")
        waiting = asyncio.create_task(pool.carry_out(noting(thread_name, []), "198.51.100.7"))
        done.set()
        await asyncio.gather(holding, waiting)

    pool = PasswordPool(1, 7)
    asyncio.run(scenario(pool))
    pool.close()
    assert not pool._taken
