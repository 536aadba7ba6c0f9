"""A user deletes the own account.

The sessions stay as rows without a person: every process refuses their access tokens until `exp`.
Their user's id is nobody's then.
"""

from authapi.db import users
from authapi.db.database import Database, Transaction
from authapi.db.models import RevokedReason
from authapi.db.stops import Stopped
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.revocation.stopping import follow_up, stop_sessions


def delete_account(
    db: Database, passwords: Passwords, user_id: str, password: str, address: str
) -> Hashing[None]:
    """Delete the account. Raises what `require_password` raises."""
    account = yield from require_password(db, passwords, user_id, password, address)
    with db.begin() as tx:
        lock_proven(tx, account)
        stop = remove(tx, account.id)
    follow_up(db, stop)


def remove(tx: Transaction, user_id: str) -> Stopped:
    """Remove the account, which the caller has locked, and stop its sessions."""
    stop = stop_sessions(tx, user_id, RevokedReason.ACCOUNT_DELETED)
    users.remove(tx, user_id)
    record(tx, Event(EventType.ACCOUNT_DELETED, {"user_id": user_id}))
    return stop
