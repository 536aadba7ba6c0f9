"""The kind: a refused client that asks again at once, and costs all others the processor."""

import asyncio
import threading
from pathlib import Path
from time import monotonic

import pytest

from authapi.web.waiting_room import AT_ONCE, PLACES_OF_AN_ADDRESS, WAIT_SECONDS, WaitingRoom
from tests.attacks.test_hash_queue import connected, post
from tests.support.server import ServerProcess
from tests.support.settings import SERVER

CLIENTS, SECONDS = 16, 3
FLOODED = "127.0.0.2"
SOON = WAIT_SECONDS / 2


def test_a_flood_of_refused_log_ins_is_slowed_down(tmp_path: Path) -> None:
    settings = {**SERVER, "limit_login_address": "1/hour"}
    with ServerProcess(tmp_path, **settings) as server:
        ends_at, counts = monotonic() + SECONDS, [0] * CLIENTS

        def attack(number: int) -> None:
            with connected(server.port, FLOODED) as connection:
                while monotonic() < ends_at:
                    post(connection, "/login", email=f"{number}@example.com", password="wrong")
                    counts[number] += 1

        threads = [threading.Thread(target=attack, args=(n,)) for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with connected(server.port, "127.0.0.1") as elsewhere:
            began = monotonic()
            post(elsewhere, "/login", email="a@example.com", password="wrong")
            assert monotonic() - began < SOON
    most_waits = CLIENTS * (SECONDS / WAIT_SECONDS + 1)
    assert sum(counts) <= most_waits + AT_ONCE * (SECONDS + 2)


async def waits(room: WaitingRoom, count: int, address: str = FLOODED) -> list[asyncio.Task[None]]:
    tasks = [asyncio.create_task(room.wait(address)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_a_few_refusals_are_answered_at_once() -> None:
    async def few() -> None:
        room = WaitingRoom()
        async with asyncio.timeout(SOON):
            for _ in range(AT_ONCE):
                await room.wait(FLOODED)

    asyncio.run(few())


@pytest.mark.parametrize("address", [FLOODED, "198.51.100.7"])
def test_a_full_room_holds_nobody_up(address: str) -> None:
    async def full() -> None:
        room = WaitingRoom()
        filling = await waits(room, AT_ONCE + PLACES_OF_AN_ADDRESS)
        async with asyncio.timeout(SOON):
            await room.wait(address)
        await asyncio.gather(*filling)
        assert not room._places._taken

    asyncio.run(full())


def test_who_hangs_up_gives_the_place_back() -> None:
    async def cancelled() -> None:
        room = WaitingRoom()
        *_, last = await waits(room, AT_ONCE + 1)
        last.cancel()
        await asyncio.gather(last, return_exceptions=True)
        assert not room._places._taken

    asyncio.run(cancelled())
