"""examples/pages/cart.py: data of a site's own, kept for a session, ends when the session does."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from authapi import create_app
from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.application import MakeSettings
from tests.support.clock import TestClock

ADA = {"email": EMAIL, "password": PASSWORD}
SECONDS = 30  # at most, until a cart is gone

End = Callable[[httpx.AsyncClient, dict[str, str]], Awaitable[httpx.Response]]


@pytest.fixture
def cart(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "examples" / "pages")
    yield import_module("cart")
    sys.modules.pop("cart")


async def log_in(client: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    pair = (await client.post("/login", json=ADA)).raise_for_status().json()
    return pair["session_id"], {"Authorization": f"Bearer {pair['access_token']}"}


async def until_ended(cart: Any, app: FastAPI, end: End) -> None:
    """Fill the carts of two sessions, end one of them, and wait until its cart alone is gone."""
    carts = cart.Carts(lifetime=3600)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client,
    ):
        (await client.post("/register", json=ADA)).raise_for_status()
        (ended, bearer), (other, others) = await log_in(client), await log_in(client)
        for sid in (ended, ended, other):
            carts.add(sid, "Almanac")
        following = asyncio.create_task(cart.follow(app, carts))
        await asyncio.sleep(0)
        assert len(carts) == 2
        assert carts.of(ended) == {"Almanac": 2}
        (
            await end(
                client,
                {"own": bearer["Authorization"], "other": others["Authorization"], "sid": ended},
            )
        ).raise_for_status()
        with anyio.fail_after(SECONDS):
            while len(carts) == 2:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.01)
        assert carts.of(other) == {"Almanac": 1}
        assert carts.of(ended) == {}
        following.cancel()


async def log_out(client: httpx.AsyncClient, known: dict[str, str]) -> httpx.Response:
    return await client.post("/logout", headers={"Authorization": known["own"]})


async def end_from_another_device(
    client: httpx.AsyncClient, known: dict[str, str]
) -> httpx.Response:
    other = {"Authorization": known["other"]}
    return await client.delete(f"/sessions/{known['sid']}", headers=other)


@pytest.mark.parametrize("end", [log_out, end_from_another_device])
def test_a_cart_ends_with_its_session(
    cart: Any, make_settings: MakeSettings, clock: TestClock, end: End
) -> None:
    app = create_app(make_settings(revocation_poll=1), clock=clock)
    asyncio.run(until_ended(cart, app, end))


def test_a_cart_that_nobody_uses_ends_with_the_longest_session(cart: Any) -> None:
    carts = cart.Carts(lifetime=-1)
    carts.add("one", "Almanac")
    carts.forget_unused()
    assert len(carts) == 0


def test_a_cart_holds_no_more_than_it_should(cart: Any) -> None:
    carts = cart.Carts(lifetime=3600)
    for _ in range(cart.MOST_OF_A_KIND + 5):
        carts.add("one", "Almanac")
    assert carts.of("one") == {"Almanac": cart.MOST_OF_A_KIND}
