"""The kind: long requests of one user that keep the threads of everybody else (issue 11, row 6)."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from sqlalchemy import text

from authapi.db.database import Database
from authapi.errors import Unavailable
from authapi.web.turns import MOST_PRESENT, Turns
from tests.support.administration import Admin
from tests.support.api import Api, Tokens
from tests.support.databases import postgresql_only

REQUESTS = 8
BLOCKED = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
LONG = [
    ("/sessions", "sessions"),
    ("/me/export", "sessions"),
    ("/me/events", "events"),
    ("/admin/users?q=a", "users"),
    ("/admin/users/{id}/sessions", "sessions"),
    ("/admin/events", "events"),
]


async def pages(api: Api, tokens: Tokens, path: str) -> list[int]:
    transport = httpx.ASGITransport(api.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        asked = [client.get(path, headers=tokens.bearer) for _ in range(REQUESTS)]
        return [answer.status_code for answer in await asyncio.gather(*asked)]


@postgresql_only
@pytest.mark.parametrize(("path", "table"), LONG)
def test_a_user_reads_one_long_answer_at_a_time(
    api: Api, db: Database, path: str, table: str
) -> None:
    admin = Admin(api)

    async def exercise() -> tuple[int, list[int]]:
        with db.begin() as tx:
            tx.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            reading = asyncio.create_task(pages(api, admin.tokens, path.format(id=admin.id)))
            async with asyncio.timeout(15):
                while not tx.execute(BLOCKED).scalar_one():  # noqa: ASYNC110 - no event tells it
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)  # more of them would block meanwhile
            blocked = tx.execute(BLOCKED).scalar_one()
        return blocked, await reading

    assert asyncio.run(exercise()) == (1, [200] * REQUESTS)


def test_another_user_does_not_wait_and_nobody_stays_in_memory() -> None:
    async def exercise() -> None:
        turns = Turns()
        async with turns.turn("a"):
            same = asyncio.create_task(enter(turns, "a"))
            async with asyncio.timeout(1):
                await enter(turns, "b")
            assert not same.done()
        await same
        assert not turns._locks

    asyncio.run(exercise())


async def enter(turns: Turns, who: str) -> None:
    async with turns.turn(who):
        pass


def test_who_hangs_up_while_waiting_holds_nobody_up() -> None:
    async def exercise() -> None:
        turns = Turns()
        async with turns.turn("a"):
            gone = asyncio.create_task(enter(turns, "a"))
            await asyncio.sleep(0)
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
        async with asyncio.timeout(1):
            await enter(turns, "a")
        assert not turns._locks

    asyncio.run(exercise())


def test_one_user_can_not_queue_for_ever() -> None:
    """Whoever waits holds a connection that nobody cuts: thousands would be all of them."""

    async def take_one(turns: Turns) -> None:
        async with turns.turn("ada"):
            pass

    async def exercise() -> None:
        turns = Turns()
        async with AsyncExitStack() as waiting:
            first = turns.turn("ada")
            await waiting.enter_async_context(first)
            queue = [asyncio.create_task(take_one(turns)) for _ in range(MOST_PRESENT - 1)]
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await take_one(turns)
        await asyncio.gather(*queue)
        await take_one(turns)

    asyncio.run(exercise())
