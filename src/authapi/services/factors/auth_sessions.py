"""A log-in whose first factor was right, and that waits for a second one.

Five minutes, five wrong tries, one session. It is bound to its account's version: a new password or
a disabled account ends it. The client holds the `auth_session`, and the database its digest.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from secrets import token_urlsafe

from authapi.db import auth_sessions, factors, users
from authapi.db.auth_sessions import Waiting
from authapi.db.database import Database
from authapi.errors import AUTH_SESSION_SECONDS, InsufficientAuthorization
from authapi.services.factors.steps import methods_of

MOST_FAILURES = 5
TOKEN_BYTES = 32


def digest_of(auth_session: str) -> str:
    """Return what the database has of it: SHA-256, as 43 characters of base64url."""
    digest = sha256(auth_session.encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def new_auth_session() -> str:
    return token_urlsafe(TOKEN_BYTES)


def let_wait(db: Database, auth_session: str, waiting: Waiting) -> InsufficientAuthorization | None:
    """Store a log-in that waits, and return the refusal that names it and the ways to go on.

    None, and no effect, if the account is gone, or has another version than at the proof: it was
    disabled, or its proofs have ended.
    """
    with db.begin() as tx:
        account = users.lock(tx, waiting.user_id)
        if account is None or account.version != waiting.account_version:
            return None
        auth_sessions.add(tx, waiting, AUTH_SESSION_SECONDS)
        there = factors.list_in_force(tx, waiting.user_id)
    return InsufficientAuthorization(auth_session, methods_of(each.kind for each in there))
