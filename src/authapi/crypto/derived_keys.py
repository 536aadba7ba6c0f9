"""Every key that comes from SECRET: HKDF (RFC 5869), one purpose a key.

A purpose never changes: it is part of what was sealed, signed or derived with the key.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SEAL_SIGNING_KEYS = "authapi: seal signing keys"
SEAL_TOTP_SECRETS = "authapi: seal TOTP secrets"
SIGN_REFRESH_TOKENS = "authapi: sign refresh tokens"
PROTECT_FROM_CSRF = "authapi: CSRF tokens"
DERIVE_SUCCESSORS = "authapi: derive a refresh token's successor"
SEAL_MAILS = "authapi: seal mails that wait"
DERIVE_LINKS = "authapi: derive the links and codes in mails"
CHOOSE_DECOYS = "authapi: choose decoys of password hashes"
DIGEST_RELEASED_NAMES = "authapi: digests of released usernames"
SIGN_CACHED_SESSIONS = "authapi: sign cached sessions"
DIGEST_ADDRESSES = "authapi: digests of known addresses"
DIGEST_AGENTS = "authapi: digests of known agents"
DIGEST_ORIGINS = "authapi: digests of networks that accounts were registered from"
COMPARE_SETTINGS = "authapi: compare the settings of processes"
DERIVE_CHALLENGES = "authapi: derive the challenges of passkeys"
DIGEST_NAMES = "authapi: digests of names that limits count"


def derive(secret: bytes, purpose: str) -> bytes:
    """32 bytes for one purpose. `secret` has at least 32 bytes of its own."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


class WrongSecretError(Exception):
    """None of the secrets opens what was sealed."""


class Seal:
    """Authenticated encryption at rest: the first secret seals, every one opens."""

    def __init__(self, secrets: Sequence[bytes], purpose: str) -> None:
        fernets = [Fernet(urlsafe_b64encode(derive(secret, purpose))) for secret in secrets]
        self._first, self._fernet = fernets[0], MultiFernet(fernets)

    def seal(self, plain: bytes) -> bytes:
        return self._fernet.encrypt(plain)

    def open(self, sealed: bytes) -> bytes:
        """Raises WrongSecretError."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise WrongSecretError from error

    def opens(self, sealed: bytes) -> bool:
        """Return whether any secret opens it."""
        try:
            self.open(sealed)
        except WrongSecretError:
            return False
        return True

    def is_current(self, sealed: bytes) -> bool:
        """Whether the first secret has sealed it."""
        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True
