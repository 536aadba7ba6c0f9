"""Keyed digests of usernames: to compare names that are kept no longer.

Without the key, the digests of a stolen database could be matched with guessed names.
"""

import hmac
from collections.abc import Sequence

from authapi.crypto.derived_keys import DIGEST_RELEASED_NAMES, derive


class NameDigests:
    """Digests of canonical names, by every secret: a name is found after the secret changed."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [derive(secret, DIGEST_RELEASED_NAMES) for secret in secrets]

    def of(self, canonical: str) -> list[str]:
        """Return the digests. The first one is to be stored, and each may have been."""
        return [hmac.new(key, canonical.encode(), "sha256").hexdigest() for key in self._keys]
