"""`GET /revocations` while a hundred thousand sessions are revoked: nobody else has to wait."""

import asyncio
import secrets
from itertools import pairwise
from time import thread_time

import httpx
from fastapi import FastAPI

from authapi.db.revocations import Changes
from authapi.verifier.lifetimes import WINDOW_SECONDS
from authapi.web.runtime import Runtime
from tests.support.application import MakeApp
from tests.support.clock import START, TestClock
from tests.support.databases import sqlite_only

pytestmark = sqlite_only

SESSIONS = 100_000
LONGEST_TURN = 0.02  # seconds of the event loop's CPU: a busy machine makes them no more


async def ask_while_others_want_a_turn(app: FastAPI, query: str) -> tuple[httpx.Response, float]:
    """The page, and the longest time that anything else on the event loop had to wait."""
    turns: list[float] = []

    async def somebody_else() -> None:
        while True:
            turns.append(thread_time())
            await asyncio.sleep(0)

    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        client.headers["Accept-Encoding"] = "identity"  # to decompress takes a turn of the test's
        await client.get("/readyz")
        turns[:] = [thread_time()]
        other = asyncio.create_task(somebody_else())
        answer = await client.get(f"/revocations{query}")
        turns.append(thread_time())
        other.cancel()
    return answer, max(later - earlier for earlier, later in pairwise(turns))


def test_nobody_waits_for_the_whole_window(make_app: MakeApp, clock: TestClock) -> None:
    app = make_app()
    runtime: Runtime = app.state.runtime
    revoked = {secrets.token_urlsafe(16): START + number / 1000 for number in range(SESSIONS)}
    clock.advance(100)
    runtime.revocations.learn(Changes(as_of=clock(), revoked=revoked), asked_at=clock())
    answer, longest = asyncio.run(ask_while_others_want_a_turn(app, ""))
    assert longest < LONGEST_TURN
    told = answer.json()["sessions"]
    assert told.keys() == revoked.keys()
    assert all(
        moment + WINDOW_SECONDS <= told[sid] < moment + WINDOW_SECONDS + 1
        for sid, moment in revoked.items()
    )
    answer, longest = asyncio.run(ask_while_others_want_a_turn(app, f"?since={clock()!r}"))
    assert longest < LONGEST_TURN
    recent = answer.json()["sessions"]
    assert recent == {
        sid: until for sid, until in told.items() if until > clock() + WINDOW_SECONDS - 60
    }
