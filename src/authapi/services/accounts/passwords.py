"""Passwords: hashed, and guessed a limited number of times."""

from contextlib import AbstractContextManager
from dataclasses import dataclass

from authapi.crypto.passwords import PasswordHasher, Verification
from authapi.db import users
from authapi.db.database import Database
from authapi.db.users import Account
from authapi.errors import InvalidToken, WrongPassword
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.limits.rate_limits import RateLimits


@dataclass(frozen=True, slots=True)
class Passwords:
    """Whatever hashes a password: run it on the password pool."""

    hasher: PasswordHasher
    limits: RateLimits

    def attempt(self, who: str, address: str) -> AbstractContextManager[None]:
        """Count one guess at a password, unless the block ends well. Raises RateLimited.

        `who` is the user's id, or the canonical name of an unknown one.
        """
        return self.limits.password_attempt(who, address)

    def hash(self, password: str) -> str:
        """Raises Unavailable."""
        return self.hasher.hash(password)

    def verify(self, password: str, account: Account | None) -> Verification:
        """No account costs what a known one costs. Raises Unavailable."""
        return self.hasher.verify(password, account.password_hash if account else None)


def require_password(
    db: Database, passwords: Passwords, user_id: str, password: str, address: str
) -> Account:
    """Return the account whose password this is, counted like a log-in.

    Raises WrongPassword, InvalidToken where the account is gone, RateLimited, Unavailable.
    """
    with db.connect() as connection:
        account = users.find(connection, user_id)
    if account is None:
        raise InvalidToken
    with passwords.attempt(account.id, address):
        if not passwords.verify(password, account).valid:
            tell(Event(EventType.PASSWORD_REFUSED, {"user_id": user_id, "ip": address}))
            raise WrongPassword
    return account


def is_unchanged(current: Account | None, proven: Account) -> bool:
    """Whether the locked account is still the enabled one whose password was proven."""
    if current is None or current.disabled_at is not None:
        return False
    return current.version == proven.version
