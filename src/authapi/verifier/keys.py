"""A key that verifies signatures, bound to one algorithm for good (RFC 8725 section 3.1)."""

from dataclasses import dataclass, field
from typing import Protocol

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from authapi.verifier.signatures import PublicKey, is_signature

RSA_BITS = 2048  # RFC 7518 section 3.3
HMAC_BYTES = 32  # RFC 7518 section 3.2

# They read JWKs and know an asymmetric key's text when they see it.
ALGORITHMS = {
    name: jwt.get_algorithm_by_name(name) for name in ("ES256", "EdDSA", "RS256", "HS256")
}


@dataclass(frozen=True, slots=True, eq=False)
class VerifyingKey:
    """A public key object of `cryptography`, or the bytes of an HMAC secret, with its algorithm.

    Raises ValueError, with a sentence that says what is wrong, for an unknown algorithm, a key of
    another kind (a private key too), a curve other than P-256 or Ed25519, an RSA key under
    2048 bits, an HMAC secret under 32 bytes or one that is an asymmetric key in disguise.
    Two objects are never equal: whoever replaces a key replaces what was verified with it.
    """

    kid: str
    algorithm: str
    key: PublicKey | bytes = field(repr=False)

    def __post_init__(self) -> None:
        if complaint := _complaint(self.algorithm, self.key):
            raise ValueError(f"The key {self.kid!r} cannot be used: {complaint}.")

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Whether `signature`, as RFC 7518 section 3 lays it out, is this key's for the input."""
        return is_signature(self.key, signing_input, signature)


class KeySource(Protocol):
    """Where a verifier finds its keys. `find` must be quick, and safe to call from any thread."""

    def find(self, kid: str) -> VerifyingKey | None:
        """The key of that name that verifies now, the same object as long as it is the same."""


def _complaint(algorithm: str, key: object) -> str | None:
    match algorithm:
        case "ES256":
            if not isinstance(key, EllipticCurvePublicKey):
                return "ES256 needs an elliptic-curve public key"
            return None if isinstance(key.curve, SECP256R1) else "ES256 needs the curve P-256"
        case "EdDSA":
            return (
                None if isinstance(key, Ed25519PublicKey) else "EdDSA needs an Ed25519 public key"
            )
        case "RS256":
            if not isinstance(key, RSAPublicKey):
                return "RS256 needs an RSA public key"
            return None if key.key_size >= RSA_BITS else f"RS256 needs at least {RSA_BITS} bits"
        case "HS256":
            return _secret_complaint(key)
    return f"its algorithm is not one of {', '.join(ALGORITHMS)}"


def _secret_complaint(secret: object) -> str | None:
    if not isinstance(secret, bytes):
        return "HS256 needs a secret of bytes"
    if len(secret) < HMAC_BYTES:
        return f"HS256 needs a secret of at least {HMAC_BYTES} bytes"
    try:
        ALGORITHMS["HS256"].prepare_key(secret)
    except jwt.InvalidKeyError:  # PEM, DER, SSH or JWK text: public, so whoever reads it could sign
        return "its HS256 secret is the text of an asymmetric key"
    return None
