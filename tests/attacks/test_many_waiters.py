"""The kind: requests that wait, each of which holds a connection (issue 11, row 4)."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import httpx
import pytest

from authapi.services.revocation.wake_up import WakeUp
from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.databases import sqlite_only

pytestmark = sqlite_only

LONG = "30"
MAX_WAITERS, MAX_WAITERS_OF_AN_ADDRESS = 256, 8


def changed(api: Api) -> WakeUp:
    runtime: Runtime = api.app.state.runtime
    return runtime.revocations.pages.changed


async def wait_from(api: Api, address: str) -> int:
    """Ask the application with a long wait, as a client at this address; return the status."""
    transport = httpx.ASGITransport(api.app, client=(address, 50_000))
    cursor = api.app.state.runtime.revocations.as_of
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        query = {"since": repr(cursor), "wait": LONG}
        return (await client.get("/revocations", params=query)).status_code


async def begin(api: Api, addresses: Iterable[str]) -> list[asyncio.Task[int]]:
    """Start a request for each, and give all of them their turns."""
    tasks = [asyncio.create_task(wait_from(api, address)) for address in addresses]
    await asyncio.wait(tasks, timeout=1)
    return tasks


async def end(tasks: list[asyncio.Task[int]]) -> None:
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize(
    ("addresses", "most"),
    [
        ([f"192.0.2.{n}" for n in range(1, 200)] * 2, MAX_WAITERS),
        (["192.0.2.1"] * 20, MAX_WAITERS_OF_AN_ADDRESS),
        ([f"2001:db8::{n:x}" for n in range(20)], MAX_WAITERS_OF_AN_ADDRESS),
    ],
    ids=["all together", "one address", "one /64"],
)
def test_who_finds_no_place_to_wait_is_answered_at_once(
    api: Api, addresses: list[str], most: int
) -> None:
    api.expect(200, "GET", "/revocations")

    async def exercise() -> None:
        tasks = await begin(api, addresses)
        assert changed(api).readers == most
        answered = [task for task in tasks if task.done()]
        assert [task.result() for task in answered] == [200] * (len(addresses) - most)
        await end(tasks)

    asyncio.run(exercise())


def test_a_place_is_free_again_when_its_reader_has_gone(api: Api) -> None:
    api.expect(200, "GET", "/revocations")

    async def exercise() -> None:
        await end(await begin(api, ["192.0.2.1"] * MAX_WAITERS_OF_AN_ADDRESS))
        tasks = await begin(api, ["192.0.2.1"])
        assert changed(api).readers == 1
        await end(tasks)

    asyncio.run(exercise())
