"""The tokens whose signature need not be verified again, by their SHA-256."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from authapi.verifier.claims import Claims
from authapi.verifier.keys import VerifyingKey


class Verified(NamedTuple):
    """What a token said, and the key that its signature was verified with."""

    claims: Claims
    key: VerifyingKey


class VerifiedTokens:
    """A map of at most `size` entries; the oldest one makes room. Reading takes no lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()
        self._writing = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, digest: bytes) -> Verified | None:
        return self._entries.get(digest)

    def remember(self, digest: bytes, verified: Verified) -> None:
        with self._writing:
            self._entries[digest] = verified
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
