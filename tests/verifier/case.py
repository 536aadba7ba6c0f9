"""What a row of the tables of forged, altered, mistyped and stale tokens is."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.verifier.signer import ABSENT, ALGORITHMS, Signer

ASYMMETRIC = ("ES256", "EdDSA", "RS256")

THREE_PARTS = "the token does not have three parts"
BASE64 = "a part is not base64url"
HEADER_JSON = "the header is not strict JSON in UTF-8"
PAYLOAD_JSON = "the payload is not strict JSON in UTF-8"
NO_KEY = "no key has this kid and alg"
SIGNATURE = "the signature does not fit"
TYPE = "typ names another kind of token"
EXTENSION = "the header has an extension that must be understood"
EXPIRED = "the token has expired"


@dataclass(frozen=True)
class Case:
    """A token that must be refused, and what the log says then."""

    name: str
    make: Callable[[Signer], str]
    reason: str
    algorithms: tuple[str, ...] = ALGORITHMS

    def fits_a_header(self, signer: Signer) -> bool:
        """Whether HTTP can carry the token after `Bearer `."""
        token = self.make(signer)
        return token.isascii() and token.isprintable() and " " not in token and token != ""


def with_header(name: str, reason: str, **changes: object) -> Case:
    """Genuinely signed, with other header members."""
    return Case(name, lambda signer: signer.token_with_header(**changes), reason)


def with_claims(name: str, reason: str, **changes: object) -> Case:
    """Genuinely signed, with other claims."""
    return Case(name, lambda signer: signer.token(**changes), reason)


def show(value: object) -> str:
    return "absent" if value is ABSENT else repr(value)[:40]
