"""Makes access tokens, right and wrong ones, with a given key."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa

from authapi.verifier.keys import PublicKey

ALGORITHMS = ("ES256", "EdDSA", "RS256", "HS256")
ABSENT = object()  # as a value: leave the member out

Members = Mapping[str, Any]
PrivateKey = EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey | bytes


@dataclass(frozen=True)
class Signer:
    """A private key and what its tokens say. `now` is Unix seconds; `private` as PyJWT takes it."""

    kid: str
    algorithm: str
    private: PrivateKey
    issuer: str
    audience: str
    now: int
    sid: str
    sub: str = "the-subject"

    @property
    def public(self) -> PublicKey | bytes:
        return self.private if isinstance(self.private, bytes) else self.private.public_key()

    def header(self, **changes: object) -> dict[str, Any]:
        return _changed({"alg": self.algorithm, "kid": self.kid, "typ": "at+jwt"}, changes)

    def claims(self, **changes: object) -> dict[str, Any]:
        claims = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": self.sub,
            "sid": self.sid,
            "jti": "the-token",
            "client_id": "authapi",
            "iat": self.now,
            "exp": self.now + 900,
            "auth_time": self.now,
            "scope": "read write",
        }
        return _changed(claims, changes)

    def token(self, **claims: object) -> str:
        """A token whose claims differ from a valid one's in what is given."""
        return self.sign(self.header(), self.claims(**claims))

    def token_with_header(self, **header: object) -> str:
        return self.sign(self.header(**header), self.claims())

    def sign(self, header: Members | bytes, payload: Members | bytes) -> str:
        """Sign whatever it is; bytes go into their part as they are."""
        return self.sign_parts(part(header), part(payload))

    def sign_parts(self, header: str, payload: str) -> str:
        signing_input = f"{header}.{payload}"
        algorithm = jwt.get_algorithm_by_name(self.algorithm)
        signature = algorithm.sign(signing_input.encode(), self.private)
        return f"{signing_input}.{encode(signature)}"

    def with_another_key(self) -> "Signer":
        """An attacker: says all the same, but does not have the key."""
        return replace(self, private=foreign_key(self.algorithm))


def part(content: Members | bytes) -> str:
    return encode(content if isinstance(content, bytes) else json.dumps(content).encode())


def encode(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def new_key(algorithm: str) -> PrivateKey:
    match algorithm:
        case "ES256":
            return generate_ec(SECP256R1())
        case "EdDSA":
            return Ed25519PrivateKey.generate()
        case "RS256" | "PS256":
            return generate_rsa(public_exponent=65537, key_size=2048)
    return b"not the key of anybody in the test"


@lru_cache
def foreign_key(algorithm: str) -> PrivateKey:
    return new_key(algorithm)


def _changed(members: dict[str, Any], changes: Members) -> dict[str, Any]:
    return {name: value for name, value in {**members, **changes}.items() if value is not ABSENT}
