"""The requests that the client sends by itself, and to whom the token may go."""

from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from typing import NoReturn

import httpx

Origin = tuple[str, bytes, int | None]


class FinalUrl(httpx.URL):
    """A URL that no redirect leads away from: httpx asks for the fragment before it follows one."""

    @property
    def fragment(self) -> NoReturn:
        raise httpx.TooManyRedirects(
            "authapi answered with a redirect, which is never followed: use its final address."
        )


class SentOnce(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that can't be sent a second time, to whoever a redirect names."""

    def __init__(self, content: bytes) -> None:
        self._content = [content]

    def __iter__(self) -> Iterator[bytes]:
        if not self._content:
            raise httpx.StreamConsumed
        yield self._content.pop()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def origin_of(url: httpx.URL) -> Origin:
    return url.scheme, url.raw_host, url.port  # httpx makes a usual port None


def read_origin(text: str) -> Origin:
    """Return the origin of a URL. Raises ValueError unless a token may be sent there."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        # Not quoted: it may hold a password.
        raise ValueError("An origin is a URL without a password, such as https://api.example.")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError(f"Over http anybody on the way to {url.host} reads the token: use https.")
    return origin_of(url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def can_be_sent_again(request: httpx.Request) -> bool:
    """Return whether the body is still there: a generator's or a file's is used up."""
    stream = request.stream
    if isinstance(stream, httpx.ByteStream):
        return True
    if fields := getattr(stream, "fields", None):  # a form with files, which httpx rewinds
        return all(_can_be_rewound(getattr(field, "file", b"")) for field in fields)
    return isinstance(getattr(stream, "_stream", None), list | tuple)


def _can_be_rewound(file: object) -> bool:
    seekable = getattr(file, "seekable", None)
    return isinstance(file, str | bytes) or (seekable is not None and bool(seekable()))
