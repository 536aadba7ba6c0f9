"""The tokens whose signature need not be verified again, by their SHA-256."""

import threading
from collections import OrderedDict
from typing import NamedTuple

from authapi.verifier.claims import Claims
from authapi.verifier.keys import VerifyingKey


class Verified(NamedTuple):
    """What a token said, the key that its signature was verified with, and when it is in force:
    from `begins_at` to before `ends_at`, Unix seconds, the leeway included."""

    claims: Claims
    key: VerifyingKey
    begins_at: float
    ends_at: float


class VerifiedTokens:
    """A map of at most `size` entries; the oldest one makes room. Reading takes no lock."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()
        self._writing = threading.Lock()
        # The entry of a digest, or None: the map's own method, once for each request.
        self.find = self._entries.get

    def __len__(self) -> int:
        return len(self._entries)

    def remember(self, digest: bytes, verified: Verified) -> None:
        with self._writing:
            self._entries[digest] = verified
            while len(self._entries) > self._size:
                self._entries.popitem(last=False)
