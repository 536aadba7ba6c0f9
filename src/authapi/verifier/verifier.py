"""From an access token to its claims: signature, claims, time, revocation, in this order."""

import asyncio
import time
from collections.abc import Callable, Mapping
from concurrent import futures
from hashlib import sha256
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import finalize

from authapi.verifier.after_fork import call_now_and_in_children
from authapi.verifier.claims import Claims, in_force, out_of_force, read_claims
from authapi.verifier.errors import CatchUpError, InvalidTokenError
from authapi.verifier.jws import open_compact, token_bytes
from authapi.verifier.keys import KeySource, StaticKeys, parse_jwk_set
from authapi.verifier.lifetimes import MAX_LEEWAY_SECONDS, PATIENCE_SECONDS
from authapi.verifier.revocations import Revocations
from authapi.verifier.status import READY, VerifierStatus
from authapi.verifier.verified_tokens import Verified, VerifiedTokens

if TYPE_CHECKING:  # and where something is followed: httpx is imported for that alone
    import httpx

    from authapi.verifier.following.link import IssuerLink
    from authapi.verifier.following.retrying import Attempt

ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068 section 4


class Verifier:
    """Verifies the access tokens of one issuer for one audience (RFC 9068 section 4).

    Without `jwks` the issuer's keys are found and kept up to date, and with `revocations="follow"`
    so is what it has revoked, on one background thread that the first use starts. `jwks` may be a
    JWK Set or a source of keys instead, `revocations` whoever is to be asked about every token, or
    None for nobody: with both given there is no network at all.

    `leeway` is in seconds, 0 to 30; `clock` returns Unix seconds; `cache_size` is how many verified
    tokens are remembered, 0 for none. Revocations are polled every `poll_interval` seconds where
    the issuer can't be waited for; staler than `max_staleness` seconds they still count, but with
    `fail_closed` every token is refused. A process that was frozen for `catch_up` seconds asks the
    issuer before it answers (None: never). `fetch_from` is the URL under which the issuer is
    reached where that is not the issuer's own; `allow_http` lets it be http on another machine;
    `transport` is httpx's, for a proxy, a private certificate or a test.

    May be used from any number of threads and event loops, and made before a process forks.
    Raises ValueError for a setting that cannot be meant.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks: Mapping[str, Any] | KeySource | None = None,
        revocations: Revocations | Literal["follow"] | None = "follow",
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
        cache_size: int = 10_000,
        poll_interval: float = 1.0,
        max_staleness: float = 30.0,
        fail_closed: bool = False,
        catch_up: float | None = 30.0,
        fetch_from: str | None = None,
        allow_http: bool = False,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        _require_meant(issuer, audience, leeway, cache_size)
        self._issuer, self._audience = issuer, audience
        self._leeway, self._clock, self._cache_size = leeway, clock, cache_size
        self._given_keys = None if jwks is None else _key_source(jwks)
        self._given_revocations = None if revocations == "follow" else revocations
        self._connect: Callable[[], IssuerLink] | None = None
        if jwks is None or revocations == "follow":
            from authapi.verifier.following.issuer import IssuerAddress
            from authapi.verifier.following.link import LinkOptions

            self._connect = LinkOptions(
                address=IssuerAddress.read(issuer, fetch_from=fetch_from, allow_http=allow_http),
                keys=jwks is None,
                revocations=revocations == "follow",
                poll_interval=poll_interval,
                max_staleness=max_staleness,
                fail_closed=fail_closed,
                catch_up=catch_up,
                transport=transport,
                clock=clock,
            ).connect
        call_now_and_in_children(self._begin)

    def _begin(self) -> None:
        """Know nothing yet; once more in a process that is forked from this one."""
        self._verified = VerifiedTokens(self._cache_size)
        link = self._link = self._connect() if self._connect else None
        keys = link.keys if link and link.keys else self._given_keys
        assert keys is not None, "either given or fetched"
        self._keys = keys
        self._revocations = self._given_revocations
        if link:
            finalize(self, link.stop)
            if link.revocations is not None:
                self._revocations = link.revocations

    def verify(self, token: str) -> Claims:
        """The claims of a token that is genuine, in force and not revoked.

        Raises InvalidTokenError for any other, and VerifierNotReadyError, which is one, where the
        keys or revocations were never loaded. The signature of a token seen before is not verified
        again; time, key and revocations are looked at every time. Waits, two seconds at most, only
        where something must be fetched first: see `averify`.
        """
        deadline = 0.0
        while True:
            try:
                return self._verify(token)
            except InvalidTokenError as refusal:
                deadline = deadline or monotonic() + PATIENCE_SECONDS
                attempt = self._attempt_for(refusal, deadline)
                if attempt is None:
                    raise
            futures.wait([attempt], deadline - monotonic())

    async def averify(self, token: str) -> Claims:
        """As `verify`, and the event loop goes on while something is fetched."""
        deadline = 0.0
        while True:
            try:
                return self._verify(token)
            except InvalidTokenError as refusal:
                deadline = deadline or monotonic() + PATIENCE_SECONDS
                attempt = self._attempt_for(refusal, deadline)
                if attempt is None:
                    raise
            await asyncio.wait([asyncio.wrap_future(attempt)], timeout=deadline - monotonic())

    def identify(self, token: str) -> Claims:
        """The claims of a genuine token that may have expired or been revoked: for a log-out.

        All that `verify` demands but the time and the revocations. Raises InvalidTokenError.
        Fetches nothing.
        """
        return self._open(token_bytes(token)).claims

    def start(self) -> None:
        """Begin to load keys and revocations before the first token comes; returns at once."""
        if self._link:
            self._link.start()

    def close(self) -> None:
        """End the background thread. What is known then goes on being used, and grows stale."""
        if self._link:
            self._link.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def status(self) -> VerifierStatus:
        """How things stand, for a health check. Without a network, always ready."""
        return self._link.status() if self._link else READY

    def _attempt_for(self, refusal: InvalidTokenError, deadline: float) -> "Attempt | None":
        if self._link is None or monotonic() >= deadline:
            return None
        return self._link.attempt_for(refusal)

    def recall(self, token: str | bytes) -> Claims | None:
        """`verify`, of a token that was verified before; None where it must be verified anew.

        Never waits. Raises InvalidTokenError for one that has expired or was revoked meanwhile.
        """
        raw = token if isinstance(token, bytes) else token_bytes(token)
        try:
            return self._recall(sha256(raw).digest())
        except CatchUpError:
            return None

    def _recall(self, digest: bytes) -> Claims | None:
        known = self._verified.find(digest)
        # `is`: a key that is gone, compromised or replaced takes its tokens with it.
        if known is None or self._keys.find(known.key.kid) is not known.key:
            return None
        return self._in_force(known)

    def _in_force(self, verified: Verified) -> Claims:
        claims, _, begins_at, ends_at = verified
        if not begins_at <= (now := self._clock()) < ends_at:
            raise out_of_force(claims, now=now, leeway=self._leeway)
        if self._revocations is not None and self._revocations.refuses(claims):
            raise InvalidTokenError("its session or its key is revoked")
        return claims

    def _verify(self, token: str) -> Claims:
        raw = token_bytes(token)
        digest = sha256(raw).digest()
        if claims := self._recall(digest):
            return claims
        verified = self._open(raw)
        claims = self._in_force(verified)
        self._verified.remember(digest, verified)
        return claims

    def _open(self, raw: bytes) -> Verified:
        opened = open_compact(raw, self._keys.find, types=ACCESS_TOKEN_TYPES)
        claims = read_claims(
            opened.payload, key_id=opened.key.kid, issuer=self._issuer, audience=self._audience
        )
        return Verified(claims, opened.key, *in_force(claims, leeway=self._leeway))


def _key_source(jwks: Mapping[str, Any] | KeySource) -> KeySource:
    if isinstance(jwks, Mapping):
        return StaticKeys(parse_jwk_set(jwks, secrets=True))
    return jwks


def _require_meant(issuer: str, audience: str, leeway: float, cache_size: int) -> None:
    if not issuer or not audience:
        raise ValueError("A verifier needs the issuer and the audience to expect.")
    if not 0 <= leeway <= MAX_LEEWAY_SECONDS:
        raise ValueError(f"The leeway is 0 to {MAX_LEEWAY_SECONDS} seconds.")
    if cache_size < 0:
        raise ValueError("The cache size is not negative.")
