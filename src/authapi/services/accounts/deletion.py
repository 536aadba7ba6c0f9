"""A user leaves: sessions revoked, personal data gone.

The revoked sessions stay as rows without a person, so that their access tokens go on being refused
by every process until they have run out.
"""

import structlog

from authapi.crypto.passwords import PasswordHasher
from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.errors import InvalidToken
from authapi.services.accounts.password_change import is_unchanged, require_password
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.revocation.feed import RevocationFeed

log = structlog.get_logger()


def delete_account(
    db: Database,
    hasher: PasswordHasher,
    limits: RateLimits,
    revocations: RevocationFeed,
    user_id: str,
    password: str,
    address: str,
) -> None:
    """Raises what `require_password` raises."""
    user = require_password(db, hasher, limits, user_id, password, address)
    with db.begin() as tx:
        unchanged = is_unchanged(users.lock(tx, user_id), user)
        if unchanged:
            revoked = sessions.revoke_all(tx, user_id, "account_deleted")
            sessions.forget_person(tx, user_id)
            users.remove(tx, user_id)
    if not unchanged:
        raise InvalidToken
    revocations.add(revoked)
    log.info("account_deleted", user_id=user_id, sids=list(revoked))
