"""A user deletes the own account.

The sessions stay as rows without a person: every process refuses their access tokens until `exp`.
"""

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record


def delete_account(
    db: Database, passwords: Passwords, user_id: str, password: str, address: str
) -> Hashing[None]:
    """Delete the account. Raises what `require_password` raises."""
    account = yield from require_password(db, passwords, user_id, password, address)
    with db.begin() as tx:
        lock_proven(tx, account)
        revoked = sessions.revoke_all(tx, user_id, RevokedReason.ACCOUNT_DELETED)
        sessions.forget_person(tx, user_id)
        users.remove(tx, user_id)
        record(tx, Event(EventType.ACCOUNT_DELETED, {"user_id": user_id, "sids": revoked}))
