"""Random names: of users, sessions and tokens."""

import secrets


def new_id() -> str:
    """Return a new id: 128 random bits as 22 characters of base64url."""
    return secrets.token_urlsafe(16)
