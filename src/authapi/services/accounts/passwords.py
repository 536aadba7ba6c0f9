"""Passwords of accounts: hashed, verified, and guessed a limited number of times."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

from authapi.crypto.passwords import PasswordHasher, Verification
from authapi.db import sessions, users
from authapi.db.database import Database, Transaction
from authapi.db.users import Account
from authapi.errors import InvalidToken, WrongPassword
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.decoys import Decoys
from authapi.services.accounts.devices import KnownAddresses
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.profile import get_profile
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.limits.rate_limits import CountFor, RateLimits


@dataclass(frozen=True, slots=True)
class Passwords:
    """Hashes and verifies passwords, and counts the guesses."""

    hasher: PasswordHasher
    limits: RateLimits
    decoys: Decoys
    known_addresses: KnownAddresses
    breached: BreachedPasswords

    def attempt(
        self, address: str, *, is_second_step: bool = False
    ) -> AbstractContextManager[CountFor]:
        """Count one guess at a password, which the block is about: see RateLimits."""
        return self.limits.password_attempt(
            address, self.known_addresses.includes, is_second_step=is_second_step
        )

    def code_attempt(
        self, user_id: str, address: str, *, is_guessable: bool
    ) -> AbstractContextManager[None]:
        """Count one proof of a second factor. Past the limit, what nobody can guess passes."""
        is_known = partial(self.known_addresses.includes, user_id, address)
        return self.limits.code_attempt(user_id, lambda: not is_guessable or is_known())

    def verify(self, password: str, stored: str | None) -> Hashing[Verification]:
        """Verify a password against a stored hash, or a decoy. Raises Unavailable."""
        verification: Verification = yield partial(self.hasher.verify, password, stored)
        return verification

    def hash(self, password: str) -> Hashing[str]:
        """Return a hash to store. Raises Unavailable."""
        return hash_password(self.hasher, password)


def hash_password(hasher: PasswordHasher, password: str) -> Hashing[str]:
    """Return a hash to store. Raises Unavailable."""
    password_hash: str = yield partial(hasher.hash, password)
    return password_hash


def require_password(
    db: Database, passwords: Passwords, user_id: str, password: str, address: str
) -> Hashing[Account]:
    """Return the account, if this is its password. A guess counts like a log-in.

    Raises WrongPassword, RateLimited, InvalidToken if the account is gone.
    """
    with passwords.attempt(address) as count_for:
        account = get_profile(db, user_id)
        count_for(account.id, account.email)
        yield from require_right(passwords, account, password, address)
    return account


def require_right(
    passwords: Passwords, account: Account, password: str, address: str
) -> Hashing[None]:
    """Raise WrongPassword unless it is this account's. The caller counts the guess."""
    if not (yield from passwords.verify(password, account.password_hash)).valid:
        tell(Event(EventType.PASSWORD_REFUSED, {"user_id": account.id, "ip": address}))
        raise WrongPassword


def lock_proven(tx: Transaction, proven: Account, sid: str) -> Account:
    """Lock the account whose password was proven, and return it as it is now.

    Raises InvalidToken if the proof is worth nothing any more, or the session that it came with has
    ended: another process may have ended it a moment ago.
    """
    current = users.lock(tx, proven.id)
    # Nothing is written yet: to raise inside the block undoes nothing.
    if current is None or current.disabled_at is not None or current.version != proven.version:
        raise InvalidToken
    if not sessions.is_in_force(tx, proven.id, sid):
        raise InvalidToken
    return current
