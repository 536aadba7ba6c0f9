"""CSRF tokens: an HMAC of the session's sid, so that no other session's fits and none is stored."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from authapi.crypto.derived_keys import PROTECT_FROM_CSRF, derive


class CsrfTokens:
    """Made with the first secret; those of every secret are accepted."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [derive(secret, PROTECT_FROM_CSRF) for secret in secrets]

    def make(self, sid: str) -> str:
        """The same for as long as the session lives."""
        return _token(self._keys[0], sid)

    def is_of(self, sid: str, presented: str) -> bool:
        """Compares in constant time."""
        given = presented.encode()
        return any(hmac.compare_digest(_token(key, sid).encode(), given) for key in self._keys)


def _token(key: bytes, sid: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, sid.encode(), "sha256")).decode().rstrip("=")
