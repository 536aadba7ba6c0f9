"""A user deletes the own account.

The sessions stay as rows without a person: every process refuses their access tokens until `exp`.
Their user's id is nobody's then.
"""

from dataclasses import dataclass, field

from authapi.db import pending_registrations, users
from authapi.db.database import Database, Transaction
from authapi.db.models import RevokedReason
from authapi.db.stops import Stopped
from authapi.db.users import Account
from authapi.services.accounts.administrators import require_another
from authapi.services.accounts.freshness import require_fresh_if_strong, require_level
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.revocation.stopping import follow_up, stop_sessions
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class Deletion:
    """Who asks, the password as typed, and where the request came from.

    `needs_verified_email` is the setting LOGIN_NEEDS_VERIFIED_EMAIL.
    """

    subject: Claims
    password: str = field(repr=False)
    address: str
    needs_verified_email: bool = False


def delete_account(
    db: Database, passwords: Passwords, usernames: Usernames, wanted: Deletion
) -> Hashing[None]:
    """Delete the account. Its username rests.

    Raises LastAdministrator, and what `require_fresh_if_strong` and `require_password` raise.
    """
    require_fresh_if_strong(db, wanted.subject)
    user_id, address = wanted.subject.sub, wanted.address
    account = yield from require_password(db, passwords, user_id, wanted.password, address)
    with db.begin() as tx:
        current = lock_proven(tx, account, wanted.subject.sid)
        require_level(wanted.subject, current)  # a second factor was added during the hash
        require_another(tx, current, needs_verified_email=wanted.needs_verified_email)
        stop = remove(tx, usernames, current)
        record(tx, Event(EventType.ACCOUNT_DELETED, {"user_id": user_id}))
    follow_up(db, stop)


def remove(tx: Transaction, usernames: Usernames, account: Account) -> Stopped:
    """Remove the account, which the caller has locked, and stop its sessions."""
    stop = stop_sessions(tx, account.id, RevokedReason.ACCOUNT_DELETED)
    usernames.give_up(tx, account, deleted=True)
    # Before the account: who proves the address meanwhile must not wait for its end.
    pending_registrations.remove(tx, canonical_email(account.email))
    users.remove(tx, account.id)
    return stop
