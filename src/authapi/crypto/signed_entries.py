"""Entries of a cache that others can write into: the HMAC of name and value, then the value.

So a forged or changed entry, or one that was moved to another name, is no entry. Nor is that of an
issuer with the same secret: a copy of the database has the same sessions, and other scopes. An old
one that is put back still is: what bounds that is said in services/sessions/lookup.
"""

import hmac
from collections.abc import Sequence

from authapi.crypto.derived_keys import SIGN_CACHED_SESSIONS, derive

MAC_BYTES = 32


class SignedEntries:
    """Signs with the first secret, and accepts what any of the secrets signed for this issuer."""

    def __init__(self, secrets: Sequence[bytes], issuer: str) -> None:
        self._issuer = issuer
        self._keys = [derive(secret, SIGN_CACHED_SESSIONS) for secret in secrets]

    def sign(self, name: str, value: bytes) -> bytes:
        """Return the entry for this name."""
        return _mac(self._keys[0], self._named(name), value) + value

    def verify(self, name: str, entry: bytes) -> bytes | None:
        """Return the entry's value, or None if it was not signed for this name."""
        mac, value = entry[:MAC_BYTES], entry[MAC_BYTES:]
        named = self._named(name)
        is_ours = any(hmac.compare_digest(_mac(key, named, value), mac) for key in self._keys)
        return value if is_ours else None

    def _named(self, name: str) -> str:
        return f"{self._issuer} {name}"


def _mac(key: bytes, name: str, value: bytes) -> bytes:
    # With its length in front, no name and value read like another pair.
    return hmac.digest(key, f"{len(name)}:{name}".encode() + value, "sha256")
