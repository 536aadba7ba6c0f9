"""The issuer over HTTP: where its documents are (RFC 8414), and what stands in them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self
from urllib.parse import SplitResult, urlencode, urlsplit

import httpx

from authapi.verifier.following.fetching import NO_HEADERS, AbsentError, Fetched, FetchError, fetch
from authapi.verifier.keys import VerifyingKey, parse_jwk_set
from authapi.verifier.log import log
from authapi.verifier.loopback import is_loopback_host

METADATA = "/.well-known/oauth-authorization-server"
DOCUMENT_SECONDS = 5.0  # for a small document, from the name's look-up to the last byte
PAGE_SECONDS = 10.0  # for the whole window: 100,000 revocations are 4 MB
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_NAMED_CHARACTERS = 300  # of another issuer, in a log line
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class IssuerAddress:
    """`issuer` is the exact `iss`; `base` is where it is reached, without a slash at its end."""

    issuer: str
    base: str

    @classmethod
    def read(cls, issuer: str, *, fetch_from: str | None, allow_http: bool) -> Self:
        """Return the address. Raises ValueError unless documents may be fetched from it.

        RFC 8414 section 2 says what a URL needs; http to another machine must be allowed.
        """
        url = fetch_from or issuer
        if complaint := _complaint(url, allow_http=allow_http):
            raise ValueError(f"Keys and revocations cannot be fetched from {url!r}: {complaint}.")
        return cls(issuer, url.rstrip("/"))

    def resolve(self, url: object) -> str | None:
        """Return where a URL of the metadata is reached; None for another origin, or no URL."""
        if not isinstance(url, str):
            return None
        issuer = self.issuer.rstrip("/")
        reached = self.base + url[len(issuer) :] if url.startswith(issuer + "/") else url
        try:
            return reached if _origin(urlsplit(reached)) == _origin(urlsplit(self.base)) else None
        except ValueError:
            return None


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return (parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme))


def _complaint(url: str, *, allow_http: bool) -> str | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "that is no URL"
    if parts.scheme not in _PORTS or not parts.hostname or port == 0:
        return "that is no http or https URL"
    if parts.query or parts.fragment or "@" in parts.netloc:
        return "it has a query, a fragment or a password"
    if parts.scheme == "http" and not (allow_http or is_loopback_host(parts.hostname)):
        return "http lets anybody on the way forge keys; use https, or allow_http=True"
    return None


class Places(NamedTuple):
    """The URLs of an issuer's documents."""

    key_set: str
    revocations: str


class IssuerSite:
    """Fetches the issuer's documents. Its coroutines belong to one event loop."""

    def __init__(self, address: IssuerAddress, transport: httpx.AsyncBaseTransport | None) -> None:
        self.address = address
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._places: Places | None = None
        self._finding = asyncio.Lock()

    async def get_key_set(self, etag: str | None) -> Fetched:
        """Return the JWK Set, or that the one with `etag` is still current. Raises FetchError."""
        # A key may have been added: no cache on the way may answer for the issuer.
        headers = {"Cache-Control": "no-cache"}
        if etag:
            headers["If-None-Match"] = etag
        return await self.fetch((await self._find()).key_set, headers=headers)

    def read_keys(self, document: Mapping[str, Any]) -> dict[str, VerifyingKey]:
        """Return the keys of a JWK Set by their `kid`. Raises ValueError as parse_jwk_set does."""
        return parse_jwk_set(document)

    async def get_revocations(
        self, since: str | None, *, wait: float, on_new_connection: bool
    ) -> Fetched:
        """Return a page of the feed, the whole window without `since`. Raises FetchError."""
        query = {} if since is None else {"since": since}
        if wait:
            query["wait"] = f"{wait:g}"
        url = urlsplit((await self._find()).revocations)._replace(query=urlencode(query)).geturl()
        seconds = wait + DOCUMENT_SECONDS if wait else PAGE_SECONDS
        headers = {"Connection": "close"} if on_new_connection else NO_HEADERS
        return await self.fetch(url, limit=MAX_PAGE_BYTES, seconds=seconds, headers=headers)

    def forget_places(self) -> None:
        """Read the metadata again before the next request: a place may have moved."""
        self._places = None

    async def disconnect(self) -> None:
        """Close every connection; the next request makes a new one."""
        client, self._client = self._client, None
        if client:
            await client.aclose()

    async def fetch(
        self,
        url: str,
        *,
        limit: int = MAX_DOCUMENT_BYTES,
        seconds: float | None = None,
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Fetched:
        if self._client is None:
            # `fetch` limits the seconds of the whole request; the issuer may hold it for 20 s.
            self._client = httpx.AsyncClient(transport=self._transport, timeout=None)  # noqa: S113
        seconds = seconds or DOCUMENT_SECONDS
        return await fetch(self._client, url, limit=limit, seconds=seconds, headers=headers)

    async def _find(self) -> Places:
        async with self._finding:
            if self._places is None:
                self._places = await self.discover()
            return self._places

    async def discover(self) -> Places:
        """Return the places. Raises FetchError if the issuer is out of reach, or another one."""
        base, foreign = urlsplit(self.address.base), None
        # The place of RFC 8414 section 3.1, then the place that many use. Often they are one.
        for path in dict.fromkeys([METADATA + base.path, base.path + METADATA]):
            url = base._replace(path=path).geturl()
            try:
                metadata = (await self.fetch(url)).document()
            except AbsentError:
                continue
            # RFC 8414 section 3.3, or one issuer could hand out its own keys as another's.
            if metadata.get("issuer") == self.address.issuer:
                return self._read(metadata)
            foreign = f"{url} names {str(metadata.get('issuer'))[:MAX_NAMED_CHARACTERS]!r}"
        if foreign:
            raise FetchError(
                f"{foreign} as its issuer (AUTHAPI_PUBLIC_URL), and this verifier has the issuer "
                f"{self.address.issuer!r}. Both have to be the same text."
            )
        return self._read({})

    def _read(self, metadata: dict[str, object]) -> Places:
        address = self.address
        key_set, revocations = metadata.get("jwks_uri"), metadata.get("revocations_uri")
        for url in (key_set, revocations):
            if url is not None and address.resolve(url) is None:
                log.warning("The issuer's metadata names another origin, not asked: %r", url)
        return Places(
            address.resolve(key_set) or f"{address.base}/.well-known/jwks.json",
            address.resolve(revocations) or f"{address.base}/revocations",
        )
