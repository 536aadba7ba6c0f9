"""The keys that sign access tokens: how one is made, stored and used.

ES256  P-256        EdDSA  Ed25519        RS256  3072 bits        HS256  32 random bytes
"""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from authapi.verifier import VerifyingKey

_ALGORITHMS = {
    name: jwt.get_algorithm_by_name(name) for name in ("ES256", "EdDSA", "RS256", "HS256")
}
_to_json = json.JSONEncoder(separators=(",", ":")).encode
RSA_BITS = 3072  # ASVS 11.2.3: 128 bits of security


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, for one algorithm. `private` is what PyJWT signs with."""

    kid: str
    algorithm: str
    private: Any

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """A compact JWS of the claims, as they are (RFC 7515 section 3.1).

        PyJWT's signature, not its `encode`, which writes the header anew and checks the key and
        the claims each time: a third of an ES256 token, two thirds of an HS256 one (28 and 15 us).
        """
        header = _header(self.algorithm, self.kid, typ)
        signing_input = header + b"." + _base64url(_to_json(claims).encode())
        signature = _ALGORITHMS[self.algorithm].sign(signing_input, self.private)
        return (signing_input + b"." + _base64url(signature)).decode("ascii")

    def verifying_key(self) -> VerifyingKey:
        public = self.private if self.algorithm == "HS256" else self.private.public_key()
        return VerifyingKey(kid=self.kid, algorithm=self.algorithm, key=public)


@lru_cache(maxsize=64)
def _header(algorithm: str, kid: str, typ: str) -> bytes:
    return _base64url(_to_json({"alg": algorithm, "kid": kid, "typ": typ}).encode())


def _base64url(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def generate(algorithm: str) -> SigningKey:
    """A new key with a random name. Raises KeyError for an algorithm that is not in the list."""
    makers: dict[str, Callable[[], Any]] = {
        "ES256": lambda: generate_ec(SECP256R1()),
        "EdDSA": Ed25519PrivateKey.generate,
        "RS256": lambda: generate_rsa(public_exponent=65537, key_size=RSA_BITS),
        "HS256": lambda: secrets.token_bytes(32),
    }
    private = makers[algorithm]()
    # Hex: an argument that begins with a hyphen would be taken for an option.
    return SigningKey(kid=secrets.token_hex(8), algorithm=algorithm, private=private)


def to_bytes(key: SigningKey) -> bytes:
    """The private part, to be sealed: PKCS #8, or the HMAC key itself."""
    if key.algorithm == "HS256":
        return urlsafe_b64encode(key.private)
    return bytes(key.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def from_bytes(kid: str, algorithm: str, plain: bytes) -> SigningKey:
    """Raises ValueError for bytes that are no key of that algorithm."""
    if algorithm == "HS256":
        private: Any = urlsafe_b64decode(plain)
    else:
        private = load_der_private_key(plain, password=None)
    key = SigningKey(kid, algorithm, private)
    key.verifying_key()  # refuses a key of another kind, or too small a one
    return key


def as_jwk(key: VerifyingKey) -> dict[str, Any] | None:
    """The key as others may see it (RFC 7517), public members only; None for an HMAC secret."""
    if key.algorithm == "HS256":
        return None
    exported = jwt.get_algorithm_by_name(key.algorithm).to_jwk(key.key, as_dict=True)
    members = {name: value for name, value in exported.items() if name != "key_ops"}
    return {**members, "kid": key.kid, "alg": key.algorithm, "use": "sig"}
