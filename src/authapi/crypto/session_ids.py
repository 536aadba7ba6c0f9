"""The opaque id of transport `session`: `<sid>.<secret>`. The database keeps the secret's digest.

The sid alone is no secret: it stands in the revocation feed.
"""

import hmac
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

SHAPE = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class SessionId:
    sid: str
    secret: str = field(repr=False)

    @property
    def digest(self) -> str:
        return sha256(self.secret.encode()).hexdigest()

    def is_known_by(self, digest: str | None) -> bool:
        """Return whether this is the digest of its secret, in constant time."""
        return digest is not None and hmac.compare_digest(self.digest, digest)

    def __str__(self) -> str:
        return f"{self.sid}.{self.secret}"


def new_session_id(sid: str) -> SessionId:
    return SessionId(sid, secrets.token_urlsafe(32))


def parse_session_id(text: str) -> SessionId | None:
    """Return the session id, or None for text of another shape."""
    match = SHAPE.fullmatch(text)
    return SessionId(match[1], match[2]) if match else None
