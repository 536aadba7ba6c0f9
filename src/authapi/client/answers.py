"""What authapi answers to the client's own requests: waited for, and read with suspicion."""

import math
import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from random import uniform
from typing import NamedTuple, TypeVar

import httpx

from authapi.client.own_requests import SentOnce

ATTEMPTS = 5  # of one request to authapi
MAX_ANSWER_BYTES = 256 * 1024  # authapi's have 4 KB
PATIENCE_SECONDS = 30.0  # for all waits between them; a longer Retry-After is the caller's to see

VISIBLE = re.compile("[!-~]+")


class Ask(NamedTuple):
    """A request to authapi, and the seconds to wait before it is sent."""

    request: httpx.Request
    wait: float = 0.0


T = TypeVar("T")
Steps = Generator[Ask, httpx.Response, T]


class UnexpectedAnswerError(httpx.HTTPError):
    """A success that is no token response: a portal's, a proxy's. Nothing was forgotten."""


class _Bounded(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The bytes of an answer. Raises UnexpectedAnswerError once they are too many."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer, self._stream, self._count = answer, answer.stream, 0

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx.SyncByteStream)
        for chunk in self._stream:
            yield self._counted(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream)
        async for chunk in self._stream:
            yield self._counted(chunk)

    def _counted(self, chunk: bytes) -> bytes:
        self._count += len(chunk)
        if self._count > MAX_ANSWER_BYTES:
            raise _unexpected(self._answer, "with too much")
        return chunk

    def close(self) -> None:
        if isinstance(self._stream, httpx.SyncByteStream):
            self._stream.close()

    async def aclose(self) -> None:
        if isinstance(self._stream, httpx.AsyncByteStream):
            await self._stream.aclose()


def bound(answer: httpx.Response) -> httpx.Response:
    """Let no more of the answer be read than authapi could mean, and unpack nothing."""
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise _unexpected(answer, "with an encoding that nobody asked for")
    answer.stream = _Bounded(answer)
    return answer


class Pair(NamedTuple):
    access_token: str
    refresh_token: str
    life: float  # seconds


def patiently(request: httpx.Request) -> Steps[httpx.Response]:
    """Send the request, again after a wait while the answer is 429 or 5xx; return the last one."""
    waited = wait = 0.0
    for attempt in range(1, ATTEMPTS + 1):
        request.stream = SentOnce(request.content)  # another attempt, not a redirect
        answer = yield Ask(request, wait)
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and not answer.is_server_error:
            break
        # Random, or all clients would come back at one moment.
        wait = max(_retry_after(answer), attempt / 2) + uniform(0, 0.5)  # noqa: S311
        waited += wait
        if waited > PATIENCE_SECONDS:
            break
    return answer


def _retry_after(answer: httpx.Response) -> float:
    """Return the seconds of Retry-After (RFC 9110 section 10.2.3); 0 without a readable one."""
    text = answer.headers.get("Retry-After", "")
    if re.fullmatch("[0-9]+", text):
        return float(text)
    with suppress(ValueError, TypeError, LookupError):  # a proxy's date, by its own clock
        named, now = (parsedate_to_datetime(each) for each in (text, answer.headers["Date"]))
        return (named - now).total_seconds()
    return 0.0


def pair_of(answer: httpx.Response) -> Pair:
    """Return the token pair. Raises UnexpectedAnswerError."""
    try:
        body = answer.json()
        pair = Pair(body["access_token"], body["refresh_token"], float(body["expires_in"]))
        tokens = (pair.access_token, pair.refresh_token)
        if all(map(VISIBLE.fullmatch, tokens)) and math.isfinite(pair.life) and pair.life >= 0:
            return pair
    except (ValueError, LookupError, TypeError, RecursionError, OverflowError):
        pass  # and name no part of it: there may be a token in it
    raise _unexpected(answer, "without a token pair")


def _unexpected(answer: httpx.Response, how: str) -> UnexpectedAnswerError:
    where = answer.request.url.copy_with(query=None, userinfo=b"")
    return UnexpectedAnswerError(f"{where} answered {answer.status_code} {how}.")
