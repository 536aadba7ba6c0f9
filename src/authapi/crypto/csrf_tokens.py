"""CSRF tokens: an HMAC of the session's sid. Each fits one session, and none is stored."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Sequence

from authapi.crypto.derived_keys import PROTECT_FROM_CSRF, derive


class CsrfTokens:
    """Makes tokens with the first secret, and accepts those of every secret."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = [derive(secret, PROTECT_FROM_CSRF) for secret in secrets]

    def make(self, sid: str) -> str:
        """Return the session's token: the same one each time."""
        return _token(self._keys[0], sid)

    def is_of(self, sid: str, presented: str) -> bool:
        """Return whether the token is the session's, in constant time."""
        given = presented.encode()
        return any(hmac.compare_digest(_token(key, sid).encode(), given) for key in self._keys)


def _token(key: bytes, sid: str) -> str:
    return urlsafe_b64encode(hmac.digest(key, sid.encode(), "sha256")).decode().rstrip("=")
