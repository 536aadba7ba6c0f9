"""A user changes the own password."""

from dataclasses import dataclass, field

from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.revocation.stopping import follow_up, stop_sessions
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The passwords as typed, and the address that the request came from."""

    current: str = field(repr=False)
    new: str = field(repr=False)
    address: str


def change_password(
    db: Database, passwords: Passwords, subject: Claims, change: PasswordChange
) -> Hashing[None]:
    """Store a new password and revoke every session but the subject's.

    Raises what `require_password` raises, and InvalidField for the new password.
    """
    user_id = subject.sub
    account = yield from require_password(db, passwords, user_id, change.current, change.address)
    require_acceptable_password(
        change.new, field="new_password", email=account.email, username=account.username
    )
    new_hash = yield from passwords.hash(change.new)
    with db.begin() as tx:
        lock_proven(tx, account)
        users.set_password(tx, user_id, new_hash)
        reason = RevokedReason.PASSWORD_CHANGED
        stop = stop_sessions(tx, user_id, reason, keep=subject.sid)
        record(tx, Event(EventType.PASSWORD_CHANGED, {"user_id": user_id, "ip": change.address}))
    follow_up(db, stop)
