"""The issuer over HTTP: where its documents are (RFC 8414), and what stands in them."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, urlsplit

import httpx

from authapi.verifier.following.fetching import AbsentError, Fetched, FetchError, fetch
from authapi.verifier.loopback import is_loopback_host

METADATA = "/.well-known/oauth-authorization-server"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class IssuerAddress:
    """`issuer` is the exact `iss`; `base` is where it is reached, without a slash at its end."""

    issuer: str
    base: str

    @classmethod
    def read(cls, issuer: str, *, fetch_from: str | None, allow_http: bool) -> Self:
        """Raises ValueError for what is no URL to fetch from (RFC 8414 section 2), and for http to
        another machine than this one, unless that is allowed."""
        url = fetch_from or issuer
        if complaint := _complaint(url, allow_http=allow_http):
            raise ValueError(f"Keys and revocations cannot be fetched from {url!r}: {complaint}.")
        return cls(issuer, url.rstrip("/"))

    @property
    def metadata_urls(self) -> list[str]:
        """RFC 8414 section 3.1's place first, then the one that many use; often they are one."""
        parts = urlsplit(self.base)
        inserted = parts._replace(path=METADATA + parts.path).geturl()
        return list(dict.fromkeys([inserted, self.base + METADATA]))

    @property
    def key_set_url(self) -> str:
        return f"{self.base}/.well-known/jwks.json"

    @property
    def revocations_url(self) -> str:
        return f"{self.base}/revocations"

    def resolve(self, url: object) -> str | None:
        """Where a URL of the metadata is reached; None for one of another origin, or no URL."""
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


log = logging.getLogger("authapi.verifier")

DOCUMENT_SECONDS = 5.0  # for a small document, from the name's look-up to the last byte
PAGE_SECONDS = 10.0  # for the whole window: 100,000 revocations are 4 MB
MAX_DOCUMENT_BYTES = 256 * 1024
MAX_PAGE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Places:
    key_set: str
    revocations: str


class IssuerSite:
    """Its coroutines belong to one event loop, the one that first awaits one of them."""

    def __init__(self, address: IssuerAddress, transport: httpx.AsyncBaseTransport | None) -> None:
        self._address = address
        self._transport = transport
        self._client: httpx.AsyncClient | None = None
        self._places: Places | None = None
        self._finding = asyncio.Lock()

    async def get_key_set(self, etag: str | None) -> Fetched:
        """The JWK Set, or that it is still the one with `etag`. Raises FetchError."""
        # We ask when what was kept will not do: no cache on the way may answer for the issuer.
        headers = {"Cache-Control": "no-cache"}
        if etag:
            headers["If-None-Match"] = etag
        places = await self._find()
        return await self._fetch(places.key_set, headers=headers)

    async def get_revocations(
        self, since: str | None, *, wait: float, on_new_connection: bool
    ) -> Fetched:
        """A page of the feed, the whole window without `since`. Raises FetchError."""
        query = {} if since is None else {"since": since}
        if wait:
            query["wait"] = f"{wait:g}"
        headers = {"Connection": "close"} if on_new_connection else {}
        places = await self._find()
        return await self._fetch(
            places.revocations,
            limit=MAX_PAGE_BYTES,
            seconds=wait + DOCUMENT_SECONDS if wait else PAGE_SECONDS,
            headers=headers,
            query=query,
        )

    def forget_places(self) -> None:
        """After a failure: they may have moved, or never have been there."""
        self._places = None

    async def disconnect(self) -> None:
        """Close every connection; the next request makes a new one."""
        client, self._client = self._client, None
        if client:
            await client.aclose()

    async def _fetch(
        self,
        url: str,
        *,
        limit: int = MAX_DOCUMENT_BYTES,
        seconds: float | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Fetched:
        if self._client is None:
            # No timeouts of its own: `fetch` bounds the whole, and a page may be waited for.
            self._client = httpx.AsyncClient(transport=self._transport, timeout=None)  # noqa: S113
        return await fetch(
            self._client,
            url,
            limit=limit,
            seconds=seconds or DOCUMENT_SECONDS,
            headers=headers,
            query=query,
        )

    async def _find(self) -> Places:
        async with self._finding:
            if self._places is None:
                self._places = await self._discover()
            return self._places

    async def _discover(self) -> Places:
        """Raises FetchError where the issuer is out of reach, or is another one."""
        foreign: str | None = None
        for url in self._address.metadata_urls:
            try:
                metadata = (await self._fetch(url)).document()
            except AbsentError:
                continue
            # RFC 8414 section 3.3, or one issuer could hand out its own keys as another's.
            if metadata.get("issuer") == self._address.issuer:
                return self._read(metadata)
            foreign = url
        if foreign:
            raise FetchError(f"{foreign} does not name {self._address.issuer!r} as its issuer.")
        return self._read({})

    def _read(self, metadata: dict[str, object]) -> Places:
        address = self._address
        key_set, revocations = metadata.get("jwks_uri"), metadata.get("revocations_uri")
        for url in (key_set, revocations):
            if url is not None and address.resolve(url) is None:
                log.warning("The issuer's metadata names another origin, not asked: %r", url)
        return Places(
            address.resolve(key_set) or address.key_set_url,
            address.resolve(revocations) or address.revocations_url,
        )
