"""Anybody may ask for the whole feed, and a crowd that does costs what one reader costs.

The kind: an anonymous request that makes megabytes of work, and of memory, each time.
"""

import asyncio
import gzip
import json
import secrets
import zlib
from time import process_time

import httpx
import pytest
from fastapi import FastAPI

from authapi.db.revocations import Changes
from authapi.errors import Unavailable
from authapi.web import responses
from authapi.web.runtime import Runtime
from authapi.web.whole_window import (
    KEPT_SECONDS,
    KEPT_WHILE_READ_SECONDS,
    LEAST_KEPT_SESSIONS,
    Document,
    KeptDocument,
)
from tests.support.application import MakeApp
from tests.support.clock import START, TestClock
from tests.support.databases import sqlite_only

SESSIONS = 60_000
CROWD = 20


def revoke(app: FastAPI, clock: TestClock, count: int) -> None:
    runtime: Runtime = app.state.runtime
    revoked = {secrets.token_urlsafe(16): START + number / 1000 for number in range(count)}
    clock.advance(100)
    runtime.revocations.learn(Changes(as_of=clock(), revoked=revoked), asked_at=clock())


@pytest.fixture
def app(make_app: MakeApp, clock: TestClock) -> FastAPI:
    """Return an application with many revoked sessions."""
    app = make_app()
    revoke(app, clock, SESSIONS)
    return app


async def ask(
    app: FastAPI, count: int = 1, *, accepted: str = "identity", etag: str = "none"
) -> list[httpx.Response]:
    """Return the answers, undecoded, to as many requests at one moment."""
    headers = {"Accept-Encoding": accepted, "If-None-Match": etag}
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        await client.get("/readyz")

        async def one() -> httpx.Response:
            async with client.stream("GET", "/revocations", headers=headers) as answer:
                answer._content = b"".join([piece async for piece in answer.aiter_raw()])
                return answer

        return await asyncio.gather(*(one() for _ in range(count)))


def cost(app: FastAPI, count: int, accepted: str) -> float:
    began = process_time()
    answers = asyncio.run(ask(app, count, accepted=accepted))
    assert [answer.status_code for answer in answers] == [200] * count
    return process_time() - began


@sqlite_only
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_a_crowd_costs_what_one_reader_costs(
    make_app: MakeApp, clock: TestClock, coding: str
) -> None:
    costs = []
    for count in (1, CROWD):
        app = make_app()
        revoke(app, clock, SESSIONS)
        asyncio.run(ask(app, 0))  # what only the first request costs
        costs.append(cost(app, count, coding))
    alone, crowd = costs
    assert crowd < CROWD / 2 * alone


@sqlite_only
@pytest.mark.parametrize("accepted", ["gzip", "br, GZIP", "gzip;q=0.5, identity;q=0.1"])
def test_it_is_compressed_for_whoever_accepts_it(app: FastAPI, accepted: str) -> None:
    [plain] = asyncio.run(ask(app))
    [packed] = asyncio.run(ask(app, accepted=accepted))
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(packed.content)
    assert len(packed.content) < 0.75 * len(plain.content)
    assert gzip.decompress(packed.content) == plain.content
    assert packed.headers["ETag"] == plain.headers["ETag"]


@sqlite_only
@pytest.mark.parametrize(
    "accepted", ["", "identity", "br", "*", "gzip;q=0", "gzip; Q=0.00", "xgzip"]
)
def test_nobody_else_is_sent_it_compressed(app: FastAPI, accepted: str) -> None:
    [answer] = asyncio.run(ask(app, accepted=accepted))
    assert "Content-Encoding" not in answer.headers
    assert len(json.loads(answer.content)["sessions"]) == SESSIONS


@sqlite_only
@pytest.mark.parametrize("count", [1, LEAST_KEPT_SESSIONS])
def test_no_cache_gives_one_form_to_a_client_of_the_other(
    make_app: MakeApp, clock: TestClock, count: int
) -> None:
    app = make_app()
    revoke(app, clock, count)
    [answer] = asyncio.run(ask(app, accepted="gzip"))
    assert answer.headers["Vary"] == "Accept-Encoding"
    etag = answer.headers["ETag"]
    [again] = asyncio.run(ask(app, accepted="gzip", etag=etag))
    assert (again.status_code, again.headers["Vary"]) == (304, "Accept-Encoding")
    assert "Content-Encoding" not in again.headers


@sqlite_only
def test_a_small_window_is_always_the_newest(make_app: MakeApp, clock: TestClock) -> None:
    app = make_app()
    for count in range(1, 4):
        revoke(app, clock, 1)
        [answer] = asyncio.run(ask(app))
        assert len(json.loads(answer.content)["sessions"]) == count


@sqlite_only
def test_it_is_sent_in_pieces(app: FastAPI) -> None:
    sent: list[int] = []

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        sent.append(len(body))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def run() -> None:
        await ask(app, 0)
        scope = {"type": "http", "method": "GET", "path": "/revocations", "headers": []}
        more = {"query_string": b"", "asgi": {"version": "3.0"}, "client": ("192.0.2.1", 1)}
        await app({**scope, **more}, receive, send)  # type: ignore[arg-type]

    asyncio.run(run())
    assert max(sent) == responses.PIECE_BYTES
    assert sum(sent) > 30 * SESSIONS


# A kept document


class Maker:
    """Counts how often a document was made."""

    def __init__(self) -> None:
        self.made = 0

    async def __call__(self) -> Document:
        self.made += 1
        await asyncio.sleep(0.01)
        return Document(str(self.made).encode(), etag="")


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


def test_a_document_is_kept_for_a_second(now: list[float]) -> None:
    async def contents() -> list[bytes]:
        kept, make, got = KeptDocument(lambda: now[0]), Maker(), []
        for seconds in (0, 0.5 * KEPT_SECONDS, 0.6 * KEPT_SECONDS):
            now[0] += seconds
            got.append((await kept.get(make)).content)
        return got

    assert asyncio.run(contents()) == [b"1", b"1", b"2"]


def test_a_document_is_kept_longer_while_an_earlier_one_is_sent(now: list[float]) -> None:
    async def contents() -> list[bytes]:
        kept, make, got = KeptDocument(lambda: now[0]), Maker(), []

        async def get_after(seconds: float) -> Document:
            now[0] += seconds
            got.append((document := await kept.get(make)).content)
            return document

        with kept.reading(await get_after(0)):
            await get_after(KEPT_SECONDS)
            await get_after(KEPT_WHILE_READ_SECONDS - 0.1)
            await get_after(0.2)
        await get_after(KEPT_SECONDS)
        return got

    assert asyncio.run(contents()) == [b"1", b"2", b"2", b"3", b"4"]


def test_who_comes_while_it_is_made_waits_for_it() -> None:
    async def made() -> int:
        kept, make = KeptDocument(), Maker()
        await asyncio.gather(*(kept.get(make) for _ in range(CROWD)))
        return make.made

    assert asyncio.run(made()) == 1


def test_a_reader_who_gives_up_takes_nothing_from_the_others() -> None:
    async def got() -> bytes:
        kept, make = KeptDocument(), Maker()
        readers = [asyncio.create_task(kept.get(make)) for _ in range(3)]
        await asyncio.sleep(0)
        readers[1].cancel()
        return (await readers[2]).content

    assert asyncio.run(got()) == b"1"


def test_a_maker_that_fails_lets_the_others_ask_again() -> None:
    async def run() -> None:
        kept, make = KeptDocument(), Maker()

        async def fail() -> Document:
            await asyncio.sleep(0.01)
            raise zlib.error

        readers = [asyncio.create_task(kept.get(fail)) for _ in range(2)]
        answers = await asyncio.gather(*readers, return_exceptions=True)
        assert [type(answer) for answer in answers] == [zlib.error, Unavailable]
        assert (await kept.get(make)).content == b"1"

    asyncio.run(run())
