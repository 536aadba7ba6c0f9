"""What comes over the network, however bad: bounded in size and in time."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator

import httpx
import pytest

from authapi.verifier.following.fetching import Fetched, FetchError, fetch
from tests.verifier.fake_issuer import Answer, black_hole, body, out_of_reach, status

URL = "https://auth.example/document"


class Stream(httpx.AsyncByteStream):
    """A body that comes in pieces, one after each turn of the loop, and perhaps never ends."""

    def __init__(self, piece: bytes, pieces: int, pause: float = 0) -> None:
        self._piece, self._pieces, self._pause = piece, pieces, pause
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self._pieces):
            await asyncio.sleep(self._pause)
            self.sent += 1
            yield self._piece


def get(answer: Answer, *, limit: int = 1000, seconds: float = 5) -> Fetched:
    async def run() -> Fetched:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            return await fetch(client, URL, limit=limit, seconds=seconds)

    return asyncio.run(run())


def streamed(stream: Stream, **headers: str) -> Answer:
    async def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=stream, headers=headers)

    return answer


def test_a_body_of_exactly_the_limit_is_read() -> None:
    assert len(get(streamed(Stream(b"x" * 10, 100))).body) == 1000


def test_a_body_without_an_end_is_cut_at_the_limit() -> None:
    endless = Stream(b"x" * 64, 10**9)
    with pytest.raises(FetchError, match="more than 1000 bytes"):
        get(streamed(endless))
    assert endless.sent == 16


def test_a_gigabyte_takes_no_memory() -> None:
    def run() -> None:
        with pytest.raises(FetchError, match="more than"):
            get(streamed(Stream(b"x" * 65_536, 2**14), **{"Content-Length": "1073741824"}))

    run()  # what is loaded once does not count
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_a_body_that_drips_has_an_end() -> None:
    drip = Stream(b"x", 10**9, pause=0.005)
    with pytest.raises(FetchError, match=r"within 0\.05 s"):
        get(streamed(drip), seconds=0.05)
    assert drip.sent < 20


def test_an_answer_that_never_begins_has_an_end() -> None:
    with pytest.raises(FetchError, match="within"):
        get(black_hole, seconds=0.05)


def test_a_body_that_would_grow_is_refused_unread() -> None:
    bomb = Stream(b"x", 10)
    with pytest.raises(FetchError, match="compressed"):
        get(streamed(bomb, **{"Content-Encoding": "gzip"}))
    assert bomb.sent == 0


def test_it_asks_for_a_body_that_is_not_compressed() -> None:
    asked: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200)

    get(answer)
    assert asked[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("code", [201, 204, 206, 300, 301, 302, 303, 307, 308, 400, 404, 429, 503])
def test_any_status_but_200_and_304_is_a_failure(code: int) -> None:
    with pytest.raises(FetchError, match=str(code)):
        get(status(code, location="https://evil.example/"))


def test_304_to_a_request_without_a_condition_is_a_failure() -> None:
    """Kind: empty answers are believed. Nothing was held that could be as before."""
    with pytest.raises(FetchError, match="304"):
        get(status(304))


def test_a_network_error_is_a_failure_with_a_sentence() -> None:
    with pytest.raises(FetchError, match="out of reach"):
        get(out_of_reach)


def test_a_connection_that_breaks_amid_the_body_is_a_failure() -> None:
    class Broken(Stream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"{"
            raise httpx.RemoteProtocolError("peer closed connection")

    with pytest.raises(FetchError, match="out of reach"):
        get(streamed(Broken(b"", 1)))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        *[("max-age=300", 300), ("public, max-age=300", 300), ("MAX-AGE=1,public", 1)],
        *[("s-maxage=9", None), ("x-max-age=9", None), ("", None), ("max-age=1e9", 1)],
    ],
)
def test_the_lifetime_is_read_from_cache_control(header: str, seconds: int | None) -> None:
    assert get(body(b"", **{"Cache-Control": header})).max_age == seconds


def test_what_is_fetched_goes_to_the_url_that_was_asked_and_no_other() -> None:
    hosts: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        hosts.append(request.url.host)
        return httpx.Response(301, headers={"Location": "https://evil.example/"})

    with pytest.raises(FetchError):
        get(answer)
    assert hosts == ["auth.example"]
