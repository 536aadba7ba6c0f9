"""Challenges of passkey ceremonies, derived by HMAC: to ask for one writes nothing.

  id         16 random bytes, when it expires, 24 bytes of a MAC: 64 characters of base64url
  challenge  32 bytes, which the authenticator signs

Both MACs are over the purpose of the ceremony and who it is for. So a challenge of another purpose,
account or log-in is no challenge at all. That each is answered once is for db/spent_challenges.
"""

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from struct import Struct

from authapi.crypto.derived_keys import DERIVE_CHALLENGES, derive

LIFETIME_SECONDS = 300
ID = re.compile("[A-Za-z0-9_-]{64}")
PLAIN_LENGTH = 32
MAC_BYTES = 24
_PLAIN = Struct(">16sQ")


class Purpose(StrEnum):
    """What a challenge is for. All but a log-in have somebody whom they are for."""

    LOG_IN = "log-in"
    SECOND_FACTOR = "second factor"
    REGISTRATION = "registration"
    REAUTHENTICATION = "reauthentication"


@dataclass(frozen=True, slots=True)
class Binding:
    """A purpose, and whom it is for: the id of an account or session, an auth_session's digest."""

    purpose: Purpose
    whom: str = ""


LOG_IN = Binding(Purpose.LOG_IN)


@dataclass(frozen=True, slots=True)
class Challenge:
    """`id` goes to the client and comes back. `expires_at` is in Unix seconds."""

    id: str
    value: bytes
    expires_at: int


class Challenges:
    """Makes challenges with the first secret, and accepts those of every secret."""

    def __init__(self, secret_list: Sequence[bytes]) -> None:
        self._keys = [derive(secret, DERIVE_CHALLENGES) for secret in secret_list]

    def make(self, binding: Binding, *, now: float) -> Challenge:
        """Return a new challenge, which lives for LIFETIME_SECONDS."""
        plain = _PLAIN.pack(secrets.token_bytes(16), int(now) + LIFETIME_SECONDS)
        return _challenge(self._keys[0], plain, binding)

    def read(self, challenge_id: str, binding: Binding, *, now: float) -> Challenge | None:
        """Return the challenge with this id, if it is one for this and has not expired."""
        if not ID.fullmatch(challenge_id):
            return None
        plain, given = urlsafe_b64decode(challenge_id[:PLAIN_LENGTH]), challenge_id.encode()
        for key in self._keys:
            challenge = _challenge(key, plain, binding)
            if hmac.compare_digest(challenge.id.encode(), given):  # the text: it has one spelling
                return challenge if challenge.expires_at > now else None
        return None


def _challenge(key: bytes, plain: bytes, binding: Binding) -> Challenge:
    named = plain + f" {binding.purpose} {binding.whom}".encode()
    mac = hmac.digest(key, b"id " + named, "sha256")[:MAC_BYTES]
    value = hmac.digest(key, b"challenge " + named, "sha256")
    _, expires_at = _PLAIN.unpack(plain)
    return Challenge(urlsafe_b64encode(plain + mac).decode(), value, expires_at)
