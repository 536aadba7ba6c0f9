"""Refresh tokens: JWTs of their own type, signed with a secret that signs nothing else.

Claims: `sid` the session, `jti` the token itself, `parent` the jti that it was exchanged for
(the first one's is the sid), `iat`, `exp`. Nothing is compared here with a clock or a row.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from authapi.crypto.derived_keys import DERIVE_SUCCESSORS, SIGN_REFRESH_TOKENS, derive
from authapi.crypto.signing_keys import SigningKey
from authapi.verifier import InvalidTokenError, decode_compact

TYPE = "rt+jwt"


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    sid: str
    jti: str
    parent: str
    issued_at: int
    expires_at: int


class RefreshTokens:
    """Signs with the first secret and verifies with each of them."""

    def __init__(self, secret_list: Sequence[bytes]) -> None:
        keys = [_signing_key(secret) for secret in secret_list]
        self._signer = keys[0]
        self._verifying = {key.kid: key.verifying_key() for key in keys}
        self._successor_keys = [derive(secret, DERIVE_SUCCESSORS) for secret in secret_list]

    def sign(self, claims: RefreshClaims) -> str:
        """The same claims give the same bytes: HMAC has no randomness."""
        return self._signer.sign(
            {
                "sid": claims.sid,
                "jti": claims.jti,
                "parent": claims.parent,
                "iat": claims.issued_at,
                "exp": claims.expires_at,
            },
            TYPE,
        )

    def verify(self, token: str) -> RefreshClaims:
        """What a genuine token says, expired or not. Raises InvalidTokenError."""
        _, payload = decode_compact(token, self._verifying.get, types=frozenset({TYPE}))
        return RefreshClaims(
            sid=_text(payload, "sid"),
            jti=_text(payload, "jti"),
            parent=_text(payload, "parent"),
            issued_at=_moment(payload, "iat"),
            expires_at=_moment(payload, "exp"),
        )

    def successors(self, jti: str, idempotency_key: str) -> list[str]:
        """The jti of the token's successor under that key, for each secret; the first's is given.

        Whoever repeats a request with its key is given the same successor; nobody can compute it
        without the secret.
        """
        message = f"{jti} {idempotency_key}".encode()
        digests = [hmac.digest(key, message, "sha256") for key in self._successor_keys]
        return [urlsafe_b64encode(digest[:16]).decode().rstrip("=") for digest in digests]


def key_digest(idempotency_key: str) -> str:
    """What the database keeps of an Idempotency-Key: 128 bits of SHA-256, in hex."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]


def _signing_key(secret: bytes) -> SigningKey:
    key = derive(secret, SIGN_REFRESH_TOKENS)
    # The name tells which of several secrets signed; of a 256-bit key it gives nothing away.
    return SigningKey(kid=hashlib.sha256(key).hexdigest()[:8], algorithm="HS256", private=key)


def _text(payload: dict[str, Any], name: str) -> str:
    if isinstance(value := payload.get(name), str):
        return value
    raise InvalidTokenError(f"{name} is not a string")


def _moment(payload: dict[str, Any], name: str) -> int:
    if type(value := payload.get(name)) is int:
        return value
    raise InvalidTokenError(f"{name} is not an integer")
