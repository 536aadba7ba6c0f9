"""Verify an access token: its signature, its claims, the time, revocation, in this order."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from concurrent import futures
from hashlib import sha256
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import finalize

from authapi.verifier.after_fork import call_now_and_in_children
from authapi.verifier.claims import Claims, in_force, out_of_force, read_claims
from authapi.verifier.errors import (
    InvalidTokenError,
    UnknownKeyError,
    VerifierNotReadyError,
)
from authapi.verifier.jws import open_compact, token_bytes
from authapi.verifier.keys import KeySource, StaticKeys, parse_jwk_set
from authapi.verifier.lifetimes import (
    KEYS_MAX_AGE_SECONDS,
    MAX_LEEWAY_SECONDS,
    PATIENCE_SECONDS,
)
from authapi.verifier.revocations import Revocations
from authapi.verifier.status import VerifierStatus
from authapi.verifier.verified_tokens import Verified, VerifiedTokens
from authapi.verifier.waiting import FOR_COROUTINES, FOR_THREADS

if TYPE_CHECKING:  # else imported only to follow an issuer, since httpx is slow to import
    import httpx

    from authapi.verifier.following.link import IssuerLink
    from authapi.verifier.following.retrying import Attempt

ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068 section 4


class Verifier:
    """Verifies the access tokens of one issuer for a service (RFC 9068 section 4).

    `audience` is the service's name, or several names: a token for any of them passes.
    Without `jwks` a background thread, which the first use starts, keeps the issuer's keys up to
    date, and with `revocations="follow"` its revocations too. `jwks` may be a JWK Set or a source
    of keys instead; `revocations` an object to ask about every token, or None. With both given
    there is no network at all. docs/verifier.md explains the other settings.

    Any number of threads and event loops may share it, and it may be made before a process forks.
    Raises ValueError for a setting that cannot be meant.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str | Collection[str],
        jwks: Mapping[str, Any] | KeySource | None = None,
        revocations: Revocations | Literal["follow"] | None = "follow",
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
        cache_size: int = 10_000,
        poll_interval: float = 1.0,
        max_staleness: float = 30.0,
        fail_closed: bool = False,
        catch_up: float | None = 30.0,
        keys_max_age: float = KEYS_MAX_AGE_SECONDS,
        fetch_from: str | None = None,
        allow_http: bool = False,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> None:
        self._issuer, self._audiences = issuer, _names(audience)
        _require_meant(issuer, self._audiences, leeway, cache_size)
        self._leeway, self._clock, self._cache_size = leeway, clock, cache_size
        self._given = _key_source(jwks), None if revocations == "follow" else revocations
        self._connect: Callable[[], IssuerLink] | None = None
        if jwks is None or revocations == "follow":
            from authapi.verifier.following.link import LinkOptions, read_address

            self._connect = LinkOptions(
                address=read_address(issuer, fetch_from=fetch_from, allow_http=allow_http),
                keys=jwks is None,
                revocations=revocations == "follow",
                poll_interval=poll_interval,
                max_staleness=max_staleness,
                fail_closed=fail_closed,
                catch_up=catch_up,
                keys_max_age=keys_max_age,
                transport=transport,
                clock=clock,
            ).connect
        call_now_and_in_children(self._begin)

    def _begin(self) -> None:
        """Begin without any knowledge, in each process that is forked from this one too."""
        self._verified = VerifiedTokens(self._cache_size)
        self._keys, self._revocations = self._given
        link = self._link = self._connect() if self._connect else None
        if link:
            finalize(self, link.stop)
            self._keys = link.keys or self._keys
            if link.revocations is not None:
                self._revocations = link.revocations

    def verify(self, token: str) -> Claims:
        """Return the claims of a token that is genuine, in force and not revoked.

        Raises InvalidTokenError for any other; its subclass VerifierNotReadyError if the keys or
        revocations were never loaded, or are too old. The signature of a known token is not
        verified again; time, key and revocations are. Waits only for a fetch, 2 s at most.
        """
        attempt, deadline = None, 0.0
        while True:
            try:
                return self._verify(token)
            except InvalidTokenError as refusal:
                deadline = deadline or monotonic() + PATIENCE_SECONDS
                attempt = self._attempt_after(refusal, attempt, deadline)
                with FOR_THREADS.take(attempt, refusal, self._grace()) as most:
                    futures.wait([attempt], min(most, deadline - monotonic()))

    async def averify(self, token: str) -> Claims:
        """As `verify`, but let the event loop go on during a fetch."""
        attempt, deadline = None, 0.0
        while True:
            try:
                return self._verify(token)
            except InvalidTokenError as refusal:
                deadline = deadline or monotonic() + PATIENCE_SECONDS
                attempt = self._attempt_after(refusal, attempt, deadline)
                with FOR_COROUTINES.take(attempt, refusal, self._grace()) as most:
                    future = asyncio.wrap_future(attempt)
                    await asyncio.wait([future], timeout=min(most, deadline - monotonic()))

    def identify(self, token: str) -> Claims:
        """Return the claims of a genuine token, even an expired or revoked one: for a log-out.

        Raises InvalidTokenError for any other. Fetches nothing.
        """
        return self._open(token_bytes(token)).claims

    def start(self) -> None:
        """Begin to load keys and revocations before the first token comes; return at once."""
        if self._link:
            self._link.start()

    def close(self) -> None:
        """End the background thread. What is known stays in use, and grows stale."""
        if self._link:
            self._link.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def status(self) -> VerifierStatus:
        """Return the state for a health check. Without a network it is always ready."""
        return self._link.status() if self._link else VerifierStatus(is_ready=True)

    def _attempt_after(
        self, refusal: InvalidTokenError, last: "Attempt | None", deadline: float
    ) -> "Attempt":
        """Return what to wait for before the token is tried again. Raises a refusal that stands."""
        link = self._link if monotonic() < deadline else None
        if link is None:
            raise refusal
        if attempt := link.attempt_for(refusal):
            return attempt
        # The attempt may have ended between the refusal and the line above: look once more.
        if last is link.no_wait or not isinstance(refusal, UnknownKeyError | VerifierNotReadyError):
            raise refusal
        return link.no_wait

    def _grace(self) -> float:
        return self._link.first_moment() if self._link else 0.0

    def now(self) -> float:
        """Return the time of its clock, in Unix seconds."""
        return self._clock()

    def recall(self, token: bytes) -> Claims | None:
        """Return the claims of a token that was verified before and is still in force.

        None for any other: `verify` decides. Never waits, and calls as little as it can, since
        nearly all requests come here.
        """
        known = self._verified.find(sha256(token).digest())
        if known is None:
            return None
        claims, key, begins_at, ends_at = known
        if not begins_at <= self._clock() < ends_at:
            return None
        try:
            # `is`: a key that is gone, compromised or replaced takes its tokens with it.
            if self._keys.find(key.kid) is not key:
                return None
            if self._revocations is not None and self._revocations.refuses(claims):
                return None
        except VerifierNotReadyError:
            return None
        return claims

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
        known = self._verified.find(digest)
        if known is not None and self._keys.find(known.key.kid) is known.key:
            return self._in_force(known)
        verified = self._open(raw)
        claims = self._in_force(verified)
        self._verified.remember(digest, verified)
        return claims

    def _open(self, raw: bytes) -> Verified:
        opened = open_compact(raw, self._keys.find, types=ACCESS_TOKEN_TYPES)
        claims = read_claims(
            opened.payload, key_id=opened.key.kid, issuer=self._issuer, audiences=self._audiences
        )
        return Verified(claims, opened.key, *in_force(claims, leeway=self._leeway))


def _key_source(jwks: Mapping[str, Any] | KeySource | None) -> KeySource:
    if isinstance(jwks, Mapping):
        return StaticKeys(parse_jwk_set(jwks, secrets=True))
    return StaticKeys({}) if jwks is None else jwks


def _names(audience: str | Collection[str]) -> frozenset[str]:
    return frozenset((audience,) if isinstance(audience, str) else audience)


def _require_meant(issuer: str, audiences: frozenset[str], leeway: float, cache_size: int) -> None:
    if not issuer or not audiences or "" in audiences:
        raise ValueError("A verifier needs the issuer and the audience to expect.")
    if not 0 <= leeway <= MAX_LEEWAY_SECONDS:
        raise ValueError(f"The leeway is 0 to {MAX_LEEWAY_SECONDS} seconds.")
    if cache_size < 0:
        raise ValueError("The cache size is not negative.")
