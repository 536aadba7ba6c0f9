"""What the password of an unknown name is verified against, so that time tells nothing.

Stored hashes cost more or less: of older settings, of other systems. An unknown name gets a decoy
of the same scheme and settings as a stored hash. So unknown names cost what accounts do, in the
same proportions, and each name costs always the same.
"""

import hmac
from threading import Lock

from sqlalchemy import Connection

from authapi.clock import Clock
from authapi.crypto.derived_keys import CHOOSE_DECOYS, derive
from authapi.crypto.passwords import PasswordHasher
from authapi.db import users

SAMPLE = 400  # accounts
RENEWAL_SECONDS = 600.0


class Decoys:
    def __init__(self, secret: bytes, hasher: PasswordHasher, clock: Clock) -> None:
        self._key = derive(secret, CHOOSE_DECOYS)
        self._hasher = hasher
        self._clock = clock
        self._lock = Lock()
        self._renew_at = 0.0
        self._decoys: list[str] = []

    def renew(self, connection: Connection) -> None:
        """Mirror the stored hashes again, if it is time. Call it for known and unknown names."""
        if self._clock() < self._renew_at or not self._lock.acquire(blocking=False):
            return
        try:
            stored = users.sample_hashes(connection, SAMPLE)
            # Sorted, equal settings lie side by side: a change of the sample moves few names.
            self._decoys = sorted(map(self._hasher.decoy_of, stored))
            self._renew_at = self._clock() + RENEWAL_SECONDS
        finally:
            self._lock.release()

    def for_name(self, name: str) -> str | None:
        """Return the hash for a canonical name without an account; None while there is none."""
        decoys = self._decoys
        if not decoys:
            return None
        # Keyed: nobody else can tell which names would be quick, and wait for one that is not.
        digest = hmac.digest(self._key, name.encode(errors="surrogatepass"), "sha256")
        return decoys[int.from_bytes(digest[:8]) * len(decoys) >> 64]
