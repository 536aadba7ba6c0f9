"""A user's own password: proving that it is known, and changing it."""

import structlog

from authapi.crypto.passwords import PasswordHasher
from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import User
from authapi.errors import InvalidToken, WrongPassword
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.revocation.feed import RevocationFeed

log = structlog.get_logger()


def require_password(
    db: Database,
    hasher: PasswordHasher,
    limits: RateLimits,
    user_id: str,
    password: str,
    address: str,
) -> User:
    """The user whose password this is, counted like a log-in.

    Hashes: run it on the password pool. Raises WrongPassword, InvalidToken, RateLimited,
    Unavailable.
    """
    with db.autocommit() as tx:
        user = users.find(tx, user_id)
    if user is None:
        raise InvalidToken
    with limits.password_attempt(user.id, address):
        if not hasher.verify(password, user.password_hash).valid:
            log.info("password_refused", user_id=user_id, ip=address)
            raise WrongPassword
    return user


def change_password(
    db: Database,
    hasher: PasswordHasher,
    limits: RateLimits,
    revocations: RevocationFeed,
    user_id: str,
    sid: str,
    current_password: str,
    new_password: str,
    address: str,
) -> None:
    """A new password; every session but `sid` is revoked.

    Raises what `require_password` raises, and InvalidField for a bad new password.
    """
    user = require_password(db, hasher, limits, user_id, current_password, address)
    require_acceptable_password(
        new_password, field="new_password", email=user.email, username=user.username
    )
    new_hash = hasher.hash(new_password)
    with db.begin() as tx:
        unchanged = is_unchanged(users.lock(tx, user_id), user)
        if unchanged:
            users.set_password_hash(tx, user_id, new_hash)
            revoked = sessions.revoke_all(tx, user_id, "password_changed", keep=sid)
    if not unchanged:
        raise InvalidToken
    revocations.add(revoked)
    log.info("password_changed", user_id=user_id, sids=list(revoked), ip=address)


def is_unchanged(current: User | None, known: User) -> bool:
    """Whether the locked row still is the enabled account whose password was proven."""
    return (
        current is not None
        and not current.disabled_at
        and current.password_hash == known.password_hash
    )
