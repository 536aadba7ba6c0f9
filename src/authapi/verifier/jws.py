"""Read the JWS compact form (RFC 7515 section 7.1) strictly: a token has one spelling."""

from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from authapi.verifier.errors import InvalidTokenError, UnknownKeyError
from authapi.verifier.keys import VerifyingKey
from authapi.verifier.strict_json import parse_object

MAX_TOKEN_BYTES = 8 * 1024
NO_KEY = "no key has this kid and alg"
NO_TYPE = ""  # among `types`: a token without `typ` is accepted too

# Each changes how the rest must be read. Our tokens have none, and two verifiers would disagree if
# one ignored them (RFC 7515 section 4.1.11; RFC 7797; RFC 8725 section 3.3). Headers that bring a
# key along (jwk, jku, x5u, x5c) are never read.
REFUSED_HEADERS = frozenset({"crit", "b64", "zip", "enc"})

# From the URL alphabet to the standard one, whose own last two and padding become foreign.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")

FindKey = Callable[[str], VerifyingKey | None]


class Opened(NamedTuple):
    """A token whose signature was verified, and the key that verified it."""

    header: Mapping[str, Any]
    payload: dict[str, Any]
    key: VerifyingKey


def decode_compact(
    token: str, find_key: FindKey, *, types: frozenset[str]
) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Verify the signature of `token`; return its header (read-only) and its payload.

    `find_key` returns the key of a `kid`, or None to refuse; the header's `alg` must be the key's.
    `types` are the `typ` values to accept, in lower case: media types have no case (RFC 7515
    section 4.1.9). The caller must check the claims and the times.
    Raises InvalidTokenError, and nothing else whatever the token is.
    """
    opened = open_compact(token_bytes(token), find_key, types=types)
    return opened.header, opened.payload


def token_bytes(token: object) -> bytes:
    """Return the token as bytes. Raises InvalidTokenError if it is too long or not ASCII text."""
    if not isinstance(token, str):
        raise InvalidTokenError("the token is not text")
    if len(token) > MAX_TOKEN_BYTES:
        raise InvalidTokenError("the token is longer than 8 KiB")
    if not token.isascii():
        raise InvalidTokenError("the token is not ASCII")
    return token.encode("ascii")


def open_compact(token: bytes, find_key: FindKey, *, types: frozenset[str]) -> Opened:
    """As decode_compact, for what token_bytes returned; return the key too."""
    parts = token.split(b".", 3)
    if len(parts) != 3:
        raise InvalidTokenError("the token does not have three parts")
    header = _read_header(parts[0])
    if "typ" not in header and NO_TYPE not in types:
        raise InvalidTokenError("the header has no typ")
    if header.get("typ", NO_TYPE).lower() not in types:
        raise InvalidTokenError("typ names another kind of token")
    signature = _decode_part(parts[2])
    signing_input = token[: token.rindex(b".")]
    key = find_key(header["kid"])
    if key is None:
        raise UnknownKeyError(NO_KEY)
    # The key decides the algorithm, the header may only agree (RFC 8725 section 3.1).
    if key.algorithm != header["alg"]:
        raise InvalidTokenError(NO_KEY)
    if not key.verify(signing_input, signature):
        raise InvalidTokenError("the signature does not fit")
    return Opened(header, parse_object(_decode_part(parts[1]), "the payload"), key)


# All tokens of a key have the same header: the cache saves a third of the parsing.
@lru_cache(maxsize=64)
def _read_header(part: bytes) -> Mapping[str, Any]:
    header = parse_object(_decode_part(part), "the header")
    for name in ("alg", "kid", *({"typ"} & header.keys())):
        if not isinstance(header.get(name), str) or not header[name]:
            raise InvalidTokenError(f"the header has no {name}")
    # Of other letters, lower() could make one of ours.
    if not header.get("typ", NO_TYPE).isascii():
        raise InvalidTokenError("typ names another kind of token")
    if not REFUSED_HEADERS.isdisjoint(header):
        raise InvalidTokenError("the header has an extension that must be understood")
    return MappingProxyType(header)


def _decode_part(part: bytes) -> bytes:
    """Decode unpadded base64url in its only spelling (RFC 7515 section 2, RFC 4648 section 3.5)."""
    standard = part.translate(_TO_STANDARD) + b"=" * (-len(part) % 4)
    try:
        raw = a2b_base64(standard)
    except ValueError:
        raise InvalidTokenError("a part is not base64url") from None
    # The decoder skips foreign characters and stray bits; encoding again finds them all.
    if b2a_base64(raw, newline=False) != standard:
        raise InvalidTokenError("a part is not base64url")
    return raw
