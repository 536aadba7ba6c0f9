"""Refresh tokens: JWTs of their own type, signed with a secret that signs nothing else.

Claims: `sid` the session, `jti` the token, `parent` the jti of the token before it (of the first
token, the sid), `iat`, `exp`. Nothing here reads a clock or a row.
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

    def __init__(self, secrets: Sequence[bytes]) -> None:
        keys = [_signing_key(secret) for secret in secrets]
        self._signer = keys[0]
        self._verifying = {key.kid: key.verifying_key() for key in keys}
        self._successor_keys = [derive(secret, DERIVE_SUCCESSORS) for secret in secrets]

    def sign(self, claims: RefreshClaims) -> str:
        """Return the token. The same claims give the same bytes: HMAC has no randomness."""
        ids = {"sid": claims.sid, "jti": claims.jti, "parent": claims.parent}
        times = {"iat": claims.issued_at, "exp": claims.expires_at}
        return self._signer.sign({**ids, **times}, TYPE)

    def verify(self, token: str) -> RefreshClaims:
        """Return the claims of a genuine token, expired or not. Raises InvalidTokenError."""
        _, payload = decode_compact(token, self._verifying.get, types=frozenset({TYPE}))
        sid, jti, parent = _text(payload, "sid"), _text(payload, "jti"), _text(payload, "parent")
        return RefreshClaims(sid, jti, parent, _moment(payload, "iat"), _moment(payload, "exp"))

    def successors(self, jti: str, idempotency_key: str) -> list[str]:
        """Return the jti of the token's successor under that key, for each secret.

        The first is given out. A repeated request gets the same one; only the secret computes it.
        """
        message = f"{jti} {idempotency_key}".encode()
        digests = [hmac.digest(key, message, "sha256") for key in self._successor_keys]
        return [urlsafe_b64encode(digest[:16]).decode().rstrip("=") for digest in digests]


def key_digest(idempotency_key: str) -> str:
    """Return what the database keeps of an Idempotency-Key: 128 bits of SHA-256, in hex."""
    return hashlib.sha256(idempotency_key.encode()).hexdigest()[:32]


def _signing_key(secret: bytes) -> SigningKey:
    key = derive(secret, SIGN_REFRESH_TOKENS)
    # The kid tells which secret signed, and gives nothing away of a 256-bit key.
    return SigningKey(kid=hashlib.sha256(key).hexdigest()[:8], algorithm="HS256", private=key)


def _text(payload: dict[str, Any], name: str) -> str:
    if isinstance(value := payload.get(name), str):
        return value
    raise InvalidTokenError(f"{name} is not a string")


def _moment(payload: dict[str, Any], name: str) -> int:
    if type(value := payload.get(name)) is int:
        return value
    raise InvalidTokenError(f"{name} is not an integer")
