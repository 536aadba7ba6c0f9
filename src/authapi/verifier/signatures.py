"""Signatures of RFC 7518 section 3 and RFC 8037 section 3.1: the mathematics is `cryptography`'s.

Not PyJWT's algorithm objects: they make each parameter object anew for each signature, which is
a fifteenth of an ES256 verification (measured), and jwt.decode would parse the token once more.
"""

import hmac
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

PublicKey = EllipticCurvePublicKey | Ed25519PublicKey | RSAPublicKey

_COORDINATE = 32  # bytes of r and of s on P-256: a signature is both, without DER around them
_ECDSA = ECDSA(Prehashed(SHA256()))
_SHA256 = SHA256()
_PKCS1 = PKCS1v15()


def is_signature(key: PublicKey | bytes, signing_input: bytes, signature: bytes) -> bool:
    """Whether `signature` is the input's: ES256, EdDSA, RS256 or HS256 by the kind of the key."""
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


def _verify_es256(key: EllipticCurvePublicKey, signing_input: bytes, signature: bytes) -> bool:
    if len(signature) != 2 * _COORDINATE:
        return False
    r = int.from_bytes(signature[:_COORDINATE], "big")
    s = int.from_bytes(signature[_COORDINATE:], "big")
    key.verify(encode_dss_signature(r, s), sha256(signing_input).digest(), _ECDSA)
    return True
