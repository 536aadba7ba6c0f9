"""The issuer over HTTP: where its documents are (RFC 8414), and what stands in them."""

import asyncio
import logging
from dataclasses import dataclass

import httpx

from authapi.verifier.fetching import AbsentError, Fetched, FetchError, fetch
from authapi.verifier.issuer_address import IssuerAddress

log = logging.getLogger("authapi.verifier")

SECONDS = 5.0  # for a small document, from the name's look-up to the last byte
PAGE_SECONDS = 10.0  # for the whole window: 100,000 revocations are 4 MB
SMALL = 256 * 1024
PAGE = 64 * 1024 * 1024


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
            limit=PAGE,
            seconds=wait + SECONDS if wait else PAGE_SECONDS,
            headers=headers,
            query=query,
        )

    def forget_places(self) -> None:
        """After a failure: they may have moved, or never have been there."""
        self._places = None

    async def close(self) -> None:
        if self._client:
            await self._client.aclose()
        self._client = None

    async def _fetch(
        self,
        url: str,
        *,
        limit: int = SMALL,
        seconds: float | None = None,
        headers: dict[str, str] | None = None,
        query: dict[str, str] | None = None,
    ) -> Fetched:
        if self._client is None:
            # No timeouts of its own: `fetch` bounds the whole, and a page may be waited for.
            self._client = httpx.AsyncClient(transport=self._transport, timeout=None)  # noqa: S113
        return await fetch(
            self._client, url, limit=limit, seconds=seconds or SECONDS, headers=headers, query=query
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
