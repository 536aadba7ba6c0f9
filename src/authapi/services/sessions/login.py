"""Log-in: a password becomes a session, and what its transport hands out.

An unknown account, a disabled one and a wrong password are one refusal, at one cost. A log-in
always makes a new session; those that came with it are revoked, never adopted (ASVS 7.2.4).
"""

from collections.abc import Collection
from dataclasses import dataclass

import structlog

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.passwords import PasswordHasher
from authapi.crypto.session_ids import SessionId, new_session_id
from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.sessions import LockedSession, NewSession
from authapi.db.users import Account
from authapi.errors import InvalidCredentials
from authapi.services.accounts.names import canonical
from authapi.services.keys.ring import Keys
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.revocation.feed import RevocationFeed
from authapi.services.sessions.token_issue import SessionTicket, TokenPair, issue_pair, issue_ticket

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Who says to be whom: one of `email` and `username`, as typed.

    `came_with` are the sids of genuine credentials that the request carried.
    """

    email: str | None
    username: str | None
    password: str
    transport: str
    came_with: Collection[str] = ()


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
    revocations: RevocationFeed,
    attempt: LoginAttempt,
    device: Device,
) -> TokenPair | SessionTicket:
    """A new session for whoever knows the password.

    Hashes: run it on the password pool. Raises InvalidCredentials, RateLimited, Unavailable.
    """
    by_email = attempt.email is not None
    name = canonical((attempt.email if by_email else attempt.username) or "")
    with db.connect() as connection:
        user = users.find_account(connection, name, by_email=by_email)
    with limits.password_attempt(user.id if user else name, device.address):
        verified = hasher.verify(attempt.password, user.password_hash if user else None)
        if user is None or not verified.valid:
            log.info("login_failed", user_id=user.id if user else None, ip=device.address)
            raise InvalidCredentials
        session_id = new_session_id(new_id())
        new = _new_session(settings, user, attempt, device, session_id)
        session = _add(db, new, attempt.came_with, verified.upgraded_hash)
        if session is None:
            log.info("login_failed", user_id=user.id, ip=device.address)
            raise InvalidCredentials
    revocations.add(attempt.came_with)
    log.info("login_succeeded", user_id=user.id, sid=session.sid, ip=device.address)
    if attempt.transport == "session":
        return issue_ticket(session, session_id)
    return issue_pair(session, settings, keys, refresh_jti=new_id(), parent=session.sid)


def _new_session(
    settings: Settings,
    user: Account,
    attempt: LoginAttempt,
    device: Device,
    session_id: SessionId,
) -> NewSession:
    return NewSession(
        sid=session_id.sid,
        user_id=user.id,
        password_hash=user.password_hash,
        transport=attempt.transport,
        idle_ttl=settings.refresh_idle_ttl,
        session_ttl=settings.session_ttl,
        user_agent=device.user_agent,
        ip=device.address,
        secret_digest=session_id.digest if attempt.transport == "session" else None,
    )


def _add(
    db: Database, new: NewSession, came_with: Collection[str], upgraded_hash: str | None
) -> LockedSession | None:
    """None if the account is not any more as it was when its password was found right."""
    if not came_with and not upgraded_hash:
        with db.connect(to_write=True) as connection:
            return sessions.add(connection, new)
    with db.begin() as tx:
        session = sessions.add(tx, new)
        if session is None:
            return None
        if upgraded_hash:
            users.set_password_hash(tx, new.user_id, upgraded_hash)
        for sid in sorted(came_with):
            sessions.revoke(tx, sid, "new_login")
    return session
