"""Networks that an account has logged in from within 30 days.

The limits per account let them through. So a stranger who uses these limits up locks only other
strangers out, and not the owner (docs/limits.md).
"""

import hmac
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from authapi.crypto.derived_keys import DIGEST_ADDRESSES, derive
from authapi.db import known_addresses
from authapi.db.database import Database
from authapi.errors import Unavailable
from authapi.services.limits.rate_limits import bucket

DIGEST_CHARACTERS = 32


class KnownAddresses:
    def __init__(self, db: Database, secrets: Sequence[bytes]) -> None:
        self._db = db
        self._secrets = secrets

    def includes(self, account: str, address: str) -> bool:
        """Return whether this is one, for a user's id or an unknown name: both cost the same."""
        digests = [_digest(secret, account, address) for secret in self._secrets]
        with self._db.connect() as connection:
            return known_addresses.are_any_known(connection, digests)


def note_log_in(db: Database, secret: bytes, user_id: str, address: str) -> None:
    """Note a log-in that has succeeded. Without the database it is not noted, and stands."""
    with suppress(Unavailable), db.connect(to_write=True) as connection:
        known_addresses.note(connection, user_id, _digest(secret, user_id, address))


def _digest(secret: bytes, account: str, address: str) -> str:
    # Of both: two accounts that have logged in from one place have nothing in common.
    what = f"{account} {bucket(address)}".encode(errors="surrogatepass")
    return hmac.digest(_key(secret), what, "sha256").hex()[:DIGEST_CHARACTERS]


@cache
def _key(secret: bytes) -> bytes:
    return derive(secret, DIGEST_ADDRESSES)
