"""Log-in: a password becomes a session and its first token pair.

An unknown account, a disabled one and a wrong password are one refusal, at one cost.
"""

from dataclasses import dataclass

import structlog

from authapi.config import Settings
from authapi.crypto.passwords import PasswordHasher
from authapi.crypto.refresh_tokens import new_jti
from authapi.db import sessions, users
from authapi.db.engine import Database
from authapi.db.models import User
from authapi.db.sessions import LockedSession
from authapi.errors import InvalidCredentials
from authapi.services.identities import canonical
from authapi.services.key_ring import Keys
from authapi.services.rate_limits import RateLimits
from authapi.services.token_issue import TokenPair, issue_pair

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Who says to be whom: one of `email` and `username`, as typed."""

    email: str | None
    username: str | None
    password: str
    transport: str


@dataclass(frozen=True, slots=True)
class Device:
    """Where a request came from, to be shown in the list of sessions."""

    address: str
    user_agent: str | None


def log_in(
    db: Database,
    settings: Settings,
    keys: Keys,
    hasher: PasswordHasher,
    limits: RateLimits,
    attempt: LoginAttempt,
    device: Device,
) -> TokenPair:
    """A new session for whoever knows the password.

    Hashes: run it on the password pool. Raises InvalidCredentials, RateLimited, Unavailable.
    """
    by_email = attempt.email is not None
    name = canonical((attempt.email if by_email else attempt.username) or "")
    with db.autocommit() as tx:
        find = users.find_by_email if by_email else users.find_by_username
        user = find(tx, name)
    with limits.password_attempt(user.id if user else name, device.address):
        verified = hasher.verify(attempt.password, user.password_hash if user else None)
        if user is None or not verified.valid:
            log.info("login_failed", user_id=user.id if user else None, ip=device.address)
            raise InvalidCredentials
        session = _open_session(db, settings, user, attempt, device, verified.upgraded_hash)
    log.info("login_succeeded", user_id=user.id, sid=session.sid, ip=device.address)
    return issue_pair(session, settings, keys, refresh_jti=new_jti(), parent=session.sid)


def _open_session(
    db: Database,
    settings: Settings,
    user: User,
    attempt: LoginAttempt,
    device: Device,
    upgraded_hash: str | None,
) -> LockedSession:
    session = None
    with db.begin() as tx:
        # The password took its time: under the lock, the account must still be as it was then.
        current = users.lock(tx, user.id)
        if current and not current.disabled_at and current.password_hash == user.password_hash:
            if upgraded_hash:
                users.set_password_hash(tx, user.id, upgraded_hash)
            session = sessions.add(
                tx,
                sid=new_jti(),
                user_id=user.id,
                transport=attempt.transport,
                scopes=current.scopes,
                idle_ttl=settings.refresh_idle_ttl,
                session_ttl=settings.session_ttl,
                user_agent=device.user_agent,
                ip=device.address,
            )
    if session is None:
        log.info("login_failed", user_id=user.id, ip=device.address)
        raise InvalidCredentials
    return session
