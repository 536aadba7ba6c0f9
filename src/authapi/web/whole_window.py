"""The whole window of revocations, made once for all who ask within a second.

It can be 25 MB, and anybody may ask for it. One answer serves everybody for a second, plain or
compressed, and each form is made once. A client that reads slowly holds its answer in memory. So
new ones are made less often while an earlier one is sent: each client has 20 s for it
(cli/http_protocol), and six of a form are held at most.
"""

import asyncio
import re
import zlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from time import monotonic

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from authapi.errors import Unavailable
from authapi.web.responses import PiecewiseResponse, cacheable

KEPT_SECONDS = 1.0
KEPT_WHILE_READ_SECONDS = 5.0  # while an earlier one is sent
# Of fewer sessions the answer takes a millisecond: it is made each time, and always the newest.
LEAST_KEPT_SESSIONS = 2_000
GZIP_FORMAT = 31  # zlib's `wbits`
FASTEST = 1
NOT_WANTED = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")


@dataclass(frozen=True, slots=True, eq=False)
class Document:
    content: bytes
    etag: str


Make = Callable[[], Awaitable[Document]]


class KeptDocument:
    """A document that is made at most once at a time, and kept for a while.

    Requests on other event loops may ask for it too.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._made: Future[Document] | None = None
        self._made_at = 0.0
        self._readers = Counter[Document]()

    async def get(self, make: Make) -> Document:
        """Return the document: the kept one, or else what `make` returns."""
        with self._lock:
            made, is_ours = self._made, False
            if made is None or (made.done() and self._is_old(made)):
                made, is_ours = Future(), True
                made.set_running_or_notify_cancel()  # no reader who gives up cancels it for all
                self._made = made
        if is_ours:
            await self._fill(made, make)
        return await asyncio.wrap_future(made)

    @contextmanager
    def reading(self, document: Document) -> Iterator[None]:
        """Note within the block that a client is sent the document."""
        with self._lock:
            self._readers[document] += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers -= Counter((document,))

    def _is_old(self, made: "Future[Document]") -> bool:
        is_earlier_read = made.exception() is None and bool(self._readers.keys() - {made.result()})
        seconds = KEPT_WHILE_READ_SECONDS if is_earlier_read else KEPT_SECONDS
        return self._clock() >= self._made_at + seconds

    async def _fill(self, made: "Future[Document]", make: Make) -> None:
        try:
            document = await make()
        except BaseException:
            self._forget(made)
            made.set_exception(Unavailable())  # who waits for it can ask again
            raise
        self._made_at = self._clock()
        made.set_result(document)
        self._forget_later(made)

    def _forget_later(self, made: "Future[Document]") -> None:
        # Nobody may ask again, and it takes as much memory as the revocations.
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._forget_if_old, made)

    def _forget_if_old(self, made: "Future[Document]") -> None:
        with self._lock:
            is_old = self._is_old(made)
        if is_old:
            self._forget(made)
        elif self._made is made:
            self._forget_later(made)

    def _forget(self, made: "Future[Document]") -> None:
        with self._lock:
            if self._made is made:
                self._made = None


class WholeWindow:
    """Both forms of the answer."""

    def __init__(self) -> None:
        self._plain = KeptDocument()
        self._compressed = KeptDocument()

    async def answer(self, request: Request, make: Make) -> Response:
        """Return the response to a request for the whole window."""
        kept, document = self._plain, await self._plain.get(make)
        response = cacheable(request, document.content, etag=document.etag)
        if response.status_code == 304:
            return response
        if accepts_gzip(request.headers):
            plain, kept = document, self._compressed
            document = await kept.get(lambda: _compress(plain))
            response = cacheable(request, document.content, etag=document.etag)
            response.headers["Content-Encoding"] = "gzip"
        if isinstance(response, PiecewiseResponse):
            response.while_sent = kept.reading(document)
        return response


def accepts_gzip(headers: Headers) -> bool:
    """Return whether the client names gzip among what it reads (RFC 9110 section 12.5.3)."""
    for coding in ",".join(headers.getlist("accept-encoding")).split(","):
        name, _, quality = coding.partition(";")
        if name.strip().lower() == "gzip":
            return NOT_WANTED.fullmatch(quality.lower()) is None
    return False


async def _compress(plain: Document) -> Document:
    # On a thread, without the GIL: the event loop goes on. Its etag is weak, so it is the same.
    return Document(await asyncio.to_thread(_gzip, plain.content), plain.etag)


def _gzip(content: bytes) -> bytes:
    # Ids are random: to look for repetitions would take three times as long, and save a tenth.
    compressor = zlib.compressobj(FASTEST, zlib.DEFLATED, GZIP_FORMAT, strategy=zlib.Z_RLE)
    return compressor.compress(content) + compressor.flush()
