"""A cache of the tokens whose signature was verified, by their SHA-256."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from authapi.verifier.claims import Claims
from authapi.verifier.keys import VerifyingKey


class Verified(NamedTuple):
    """A token's claims and key; it is in force from `begins_at` to before `ends_at`."""

    claims: Claims
    key: VerifyingKey
    begins_at: float
    ends_at: float


class VerifiedTokens:
    """At most `size` entries; the oldest one makes room. Reading takes no lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()
        self._writing = threading.Lock()
        # Returns the entry of a digest, or None. Every request calls it: no method around it.
        self.find = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, digest: bytes, verified: Verified) -> None:
        with self._writing:
            self._entries[digest] = verified
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
