"""Verify authapi's access tokens locally. Imports nothing else of authapi."""

from authapi.verifier.claims import Claims
from authapi.verifier.errors import InvalidTokenError, VerifierNotReadyError
from authapi.verifier.jws import decode_compact
from authapi.verifier.keys import KeySource, StaticKeys, VerifyingKey, parse_jwk_set
from authapi.verifier.revocations import Revocations, RevocationSet
from authapi.verifier.status import VerifierStatus
from authapi.verifier.verifier import Verifier

__all__ = [
    "Claims",
    "InvalidTokenError",
    "KeySource",
    "RevocationSet",
    "Revocations",
    "StaticKeys",
    "Verifier",
    "VerifierNotReadyError",
    "VerifierStatus",
    "VerifyingKey",
    "decode_compact",
    "parse_jwk_set",
]
