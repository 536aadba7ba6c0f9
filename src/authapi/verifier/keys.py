"""Keys that verify signatures, each bound to one algorithm (RFC 8725 section 3.1), and JWK Sets.

Signatures are those of RFC 7518 section 3 and RFC 8037 section 3.1. `cryptography` verifies them
without PyJWT, which makes parameter objects for each signature: a fifteenth of the cost of ES256.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Protocol

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

_COORDINATE_BYTES = 32  # of r and of s on P-256: a signature is both, without DER
_ECDSA = ECDSA(Prehashed(SHA256()))
_SHA256 = SHA256()
_PKCS1 = PKCS1v15()
RSA_BITS = 2048  # RFC 7518 section 3.3
HMAC_BYTES = 32  # RFC 7518 section 3.2
NEEDED_KEYS = {
    "ES256": "an elliptic-curve public key",
    "EdDSA": "an Ed25519 public key",
    "RS256": "an RSA public key",
    "HS256": "a secret of bytes",
}
# PyJWT's objects read JWKs, and recognize the text of an asymmetric key.
ALGORITHMS = {name: jwt.get_algorithm_by_name(name) for name in NEEDED_KEYS}


@dataclass(frozen=True, slots=True, eq=False)
class VerifyingKey:
    """A public key object of `cryptography`, or the bytes of an HMAC secret, with its algorithm.

    Raises ValueError, with a sentence that says what is wrong, for a key that does not fit its
    algorithm (a private key too), and for an HMAC secret that is the text of an asymmetric key.
    Two objects are never equal: a replaced key takes its verified tokens with it.
    """

    kid: str
    algorithm: str
    key: PublicKey | bytes = field(repr=False)

    def __post_init__(self) -> None:
        if complaint := _complaint(self.algorithm, self.key):
            raise ValueError(f"The key {self.kid!r} cannot be used: {complaint}.")

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Return whether the signature (RFC 7518 section 3) of the input is this key's."""
        key = self.key
        if isinstance(key, bytes):
            return hmac.compare_digest(hmac.digest(key, signing_input, "sha256"), signature)
        try:
            if isinstance(key, EllipticCurvePublicKey):
                return _verify_es256(key, signing_input, signature)
            if isinstance(key, RSAPublicKey):
                key.verify(signature, signing_input, _PKCS1, _SHA256)
            else:
                key.verify(signature, signing_input)
        except InvalidSignature:
            return False
        return True


class KeySource(Protocol):
    """The keys of a verifier. `find` must be quick, and safe to call from any thread."""

    def find(self, kid: str) -> VerifyingKey | None:
        """Return the key of that name: the same object for as long as it is the same key."""


def _verify_es256(key: EllipticCurvePublicKey, signing_input: bytes, signature: bytes) -> bool:
    if len(signature) != 2 * _COORDINATE_BYTES:
        return False
    r = int.from_bytes(signature[:_COORDINATE_BYTES], "big")
    s = int.from_bytes(signature[_COORDINATE_BYTES:], "big")
    key.verify(encode_dss_signature(r, s), sha256(signing_input).digest(), _ECDSA)
    return True


def _complaint(algorithm: str, key: object) -> str | None:
    if algorithm not in NEEDED_KEYS:
        return f"its algorithm is not one of {', '.join(NEEDED_KEYS)}"
    match algorithm, key:
        case "ES256", EllipticCurvePublicKey(curve=curve):
            return None if isinstance(curve, SECP256R1) else "ES256 needs the curve P-256"
        case "EdDSA", Ed25519PublicKey():
            return None
        case "RS256", RSAPublicKey(key_size=bits):
            return None if bits >= RSA_BITS else f"RS256 needs at least {RSA_BITS} bits"
        case "HS256", bytes(secret):
            return _secret_complaint(secret)
    return f"{algorithm} needs {NEEDED_KEYS[algorithm]}"


def _secret_complaint(secret: bytes) -> str | None:
    if len(secret) < HMAC_BYTES:
        return f"HS256 needs a secret of at least {HMAC_BYTES} bytes"
    try:
        ALGORITHMS["HS256"].prepare_key(secret)
    except jwt.InvalidKeyError:  # PEM, DER, SSH or JWK text: public, so whoever reads it could sign
        return "its HS256 secret is the text of an asymmetric key"
    return None


def parse_jwk_set(document: Mapping[str, Any], *, secrets: bool = False) -> dict[str, VerifyingKey]:
    """Return the keys of a JWK Set by their `kid`.

    Skips a key for another purpose or algorithm, or without `kid` or `alg` (RFC 7517 section 5),
    and `oct` keys unless `secrets` is true: what was fetched from a public address is no secret.
    Raises ValueError if the document is not a JWK Set, a key is unusable, a `kid` names two keys
    (RFC 8725 section 3.1), or no key is left.
    """
    entries = document.get("keys")
    if not isinstance(entries, list):
        raise ValueError('A JWK Set is an object with a list "keys" (RFC 7517 section 5).')  # noqa: TRY004
    keys: dict[str, VerifyingKey] = {}
    for jwk in entries:
        if not _is_for_us(jwk, secrets=secrets):
            continue
        if jwk["kid"] in keys:
            raise ValueError(f"The JWK Set names two keys {jwk['kid']!r}.")
        keys[jwk["kid"]] = _parse(jwk)
    if not keys:
        names = ", ".join(NEEDED_KEYS)
        raise ValueError(f'The JWK Set holds no key with "kid" and an "alg" of {names}.')
    return keys


class StaticKeys:
    """A key source that never changes."""

    def __init__(self, keys: Mapping[str, VerifyingKey]) -> None:
        self._keys = dict(keys)

    def find(self, kid: str) -> VerifyingKey | None:
        return self._keys.get(kid)


def _is_for_us(jwk: object, *, secrets: bool) -> bool:
    if not isinstance(jwk, dict) or jwk.get("alg") not in tuple(NEEDED_KEYS):
        return False
    kid, operations = jwk.get("kid"), jwk.get("key_ops", ["verify"])
    return (
        isinstance(kid, str)
        and kid != ""
        and jwk.get("use", "sig") == "sig"
        and isinstance(operations, list)
        and "verify" in operations
        and (secrets or jwk["alg"] != "HS256")
    )


def _parse(jwk: dict[str, Any]) -> VerifyingKey:
    kid, algorithm = jwk["kid"], jwk["alg"]
    try:
        key = ALGORITHMS[algorithm].from_jwk(jwk)
    except (jwt.InvalidKeyError, ValueError, TypeError, KeyError):
        # `from None`: the cause may quote a secret.
        raise ValueError(
            f"The key {kid!r} of the JWK Set is not a valid {algorithm} key."
        ) from None
    return VerifyingKey(kid, algorithm, key)
