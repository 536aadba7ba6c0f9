"""From an access token to its claims: signature, claims, time, revocation, in this order."""

import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

from authapi.verifier.claims import Claims, read_claims, require_in_force
from authapi.verifier.compact import open_compact, token_bytes
from authapi.verifier.errors import InvalidTokenError
from authapi.verifier.jwk_set import StaticKeys, parse_jwk_set
from authapi.verifier.keys import KeySource
from authapi.verifier.revoked_sessions import Revocations
from authapi.verifier.verified_tokens import Verified, VerifiedTokens

ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})  # RFC 9068 section 4
MAX_LEEWAY = 30.0  # seconds


class Verifier:
    """Verifies the access tokens of one issuer for one audience (RFC 9068 section 4).

    `jwks` is a JWK Set or a source of keys; `revocations` is asked about every token; `leeway` is
    in seconds, 0 to 30; `clock` returns Unix seconds; `cache_size` is how many verified tokens are
    remembered, 0 for none. May be used from any number of threads.
    Raises ValueError for a setting that cannot be meant.
    """

    def __init__(
        self,
        *,
        issuer: str,
        audience: str,
        jwks: Mapping[str, Any] | KeySource | None = None,
        revocations: Revocations | None = None,
        leeway: float = 0,
        clock: Callable[[], float] = time.time,
        cache_size: int = 10_000,
    ) -> None:
        if not issuer or not audience:
            raise ValueError("A verifier needs the issuer and the audience to expect.")
        if not 0 <= leeway <= MAX_LEEWAY:
            raise ValueError(f"The leeway is 0 to {MAX_LEEWAY:.0f} seconds.")
        if cache_size < 0:
            raise ValueError("The cache size is not negative.")
        self._issuer = issuer
        self._audience = audience
        self._keys = _key_source(jwks)
        self._revocations = revocations
        self._leeway = leeway
        self._clock = clock
        self._verified = VerifiedTokens(cache_size)

    def verify(self, token: str) -> Claims:
        """The claims of a token that is genuine, in force and not revoked.

        Raises InvalidTokenError for any other, and VerifierNotReadyError, which is one, where the
        revocations were never loaded. The signature of a token seen before is not verified again;
        time, key and revocations are looked at every time.
        """
        raw = token_bytes(token)
        digest = sha256(raw).digest()
        known = self._verified.find(digest)
        # `is`: a key that is gone, compromised or replaced takes its tokens with it.
        verified = (
            known
            if known is not None and self._keys.find(known.key.kid) is known.key
            else self._open(raw)
        )
        claims = verified.claims
        require_in_force(claims, now=self._clock(), leeway=self._leeway)
        if self._revocations is not None and self._revocations.refuses(claims):
            raise InvalidTokenError("its session or its key is revoked")
        if verified is not known:
            self._verified.remember(digest, verified)
        return claims

    def identify(self, token: str) -> Claims:
        """The claims of a genuine token that may have expired or been revoked: for a log-out.

        All that `verify` demands but the time and the revocations. Raises InvalidTokenError.
        """
        return self._open(token_bytes(token)).claims

    def _open(self, raw: bytes) -> Verified:
        opened = open_compact(raw, self._keys.find, types=ACCESS_TOKEN_TYPES)
        claims = read_claims(
            opened.payload, key_id=opened.key.kid, issuer=self._issuer, audience=self._audience
        )
        return Verified(claims, opened.key)


def _key_source(jwks: Mapping[str, Any] | KeySource | None) -> KeySource:
    if jwks is None:
        raise ValueError("A verifier needs its keys: jwks= takes a JWK Set or a key source.")
    if isinstance(jwks, Mapping):
        return StaticKeys(parse_jwk_set(jwks, secrets=True))
    return jwks
