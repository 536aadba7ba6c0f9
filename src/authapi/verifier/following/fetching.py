"""One GET with a limit of bytes and seconds, and without redirects."""

import asyncio
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from authapi.verifier.errors import InvalidTokenError
from authapi.verifier.strict_json import parse_object

NO_HEADERS: Mapping[str, str] = {}
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=(\d{1,9})(?!\d)", re.IGNORECASE)


class FetchError(Exception):
    """Nothing usable was fetched. The text is one sentence for the log."""


class AbsentError(FetchError):
    """The issuer is there, and has no such document."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. Its `body` is empty if the document with `etag` is still current."""

    url: str
    body: bytes
    is_current: bool
    etag: str | None
    max_age: int | None  # seconds

    def document(self) -> dict[str, Any]:
        """Return the body as a JSON object. Raises AbsentError: a web page is no document."""
        try:
            return parse_object(self.body, "the answer")
        except InvalidTokenError as error:
            raise AbsentError(f"{self.url}: {error.reason}.") from None


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    *,
    limit: int,
    seconds: float,
    headers: Mapping[str, str] = NO_HEADERS,
) -> Fetched:
    """Return the answer to a GET: at most `limit` bytes, within so many seconds in all.

    Raises AbsentError for 4xx, FetchError for the rest, and so for a redirect to another place.
    """
    # Uncompressed, or a few bytes could grow to gigabytes.
    asked = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
    request = client.stream("GET", url, headers=asked, follow_redirects=False)
    try:
        async with asyncio.timeout(seconds), request as response:
            body = await _read(response, limit)
    except TimeoutError:
        raise FetchError(f"{url} did not answer within {seconds:g} s.") from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, OSError) as error:
        raise FetchError(f"{url} is out of reach: {error!r}.") from error
    max_age = _MAX_AGE.search(response.headers.get("cache-control", ""))
    return Fetched(
        url=url,
        body=body,
        is_current=response.status_code == 304,
        etag=response.headers.get("etag"),
        max_age=int(max_age[1]) if max_age else None,
    )


async def _read(response: httpx.Response, limit: int) -> bytes:
    status = response.status_code
    if 400 <= status < 500 and status not in (408, 425, 429):
        raise AbsentError(f"{response.url} answered {status}.")
    if status == 304 and "if-none-match" not in response.request.headers:
        raise FetchError(
            f"{response.url} answered 304, and was not asked whether all is as before."
        )
    if status not in (200, 304):
        raise FetchError(f"{response.url} answered {status}.")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise FetchError(f"{response.url} answered with a compressed body.")
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise FetchError(f"{response.url} answered with more than {limit} bytes.")
    return bytes(body)
