"""A user leaves: sessions revoked, personal data gone.

The revoked sessions stay as rows without a person, so that their access tokens go on being refused
by every process until they have run out.
"""

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.errors import InvalidToken
from authapi.services.accounts.passwords import Passwords, is_unchanged, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record


def delete_account(
    db: Database, passwords: Passwords, user_id: str, password: str, address: str
) -> None:
    """Delete the account. Raises what `require_password` raises.

    Hashes: run it on the password pool.
    """
    account = require_password(db, passwords, user_id, password, address)
    with db.begin() as tx:
        unchanged = is_unchanged(users.lock(tx, user_id), account)
        if unchanged:
            revoked = sessions.revoke_all(tx, user_id, RevokedReason.ACCOUNT_DELETED)
            sessions.forget_person(tx, user_id)
            users.remove(tx, user_id)
            fields = {"user_id": user_id, "sids": list(revoked)}
            record(tx, Event(EventType.ACCOUNT_DELETED, fields))
    if not unchanged:
        raise InvalidToken
