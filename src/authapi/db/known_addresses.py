"""The table `known_addresses`: what an account has logged in from of late, as digests.

Callers hold the user's lock when they write: of parallel log-ins the second sees what the first
has added.
"""

from collections.abc import Collection

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.orm import aliased

from authapi.db.clock import db_now
from authapi.db.models import KnownAddress

KNOWN_SECONDS = 30 * 86400.0
MAX_OF_AN_ACCOUNT = 50

_other = aliased(KnownAddress)
_given = KnownAddress.digest.in_(bindparam("digests", expanding=True))
_is_known = KnownAddress.last_login_at > db_now() - KNOWN_SECONDS
_TOUCH = (
    update(KnownAddress)
    .where(_given, _is_known)
    .values(last_login_at=db_now())
    .returning(KnownAddress.digest)
)
_FIND = select(KnownAddress.digest).where(_given, _is_known)
_REMOVE = delete(KnownAddress).where(_given)
# In one order, so that two that remove can't wait for each other.
_PAST_THE_BOUND = (
    select(_other.digest)
    .where(_other.user_id == bindparam("its_user"))
    .order_by(_other.last_login_at.desc(), _other.digest)
    .offset(MAX_OF_AN_ACCOUNT)
    .with_for_update()
)
_TRIM = delete(KnownAddress).where(KnownAddress.digest.in_(_PAST_THE_BOUND))


def touch(tx: Connection, digests: Collection[str]) -> Collection[str]:
    """Note a log-in now. Return which of these digests had one within the last 30 days."""
    return tx.scalars(_TOUCH, {"digests": digests}).all()


def add(tx: Connection, user_id: str, digests: Collection[str]) -> None:
    """Add digests that the account can't have yet."""
    rows = [{"digest": digest, "user_id": user_id, "last_login_at": db_now()} for digest in digests]
    tx.execute(insert(KnownAddress).values(rows))


def add_again(tx: Connection, user_id: str, digests: Collection[str]) -> None:
    """Add digests that had no log-in of late. The oldest of the account go out."""
    tx.execute(_REMOVE, {"digests": digests})  # of more than 30 days ago, not purged yet
    add(tx, user_id, digests)
    tx.execute(_TRIM, {"its_user": user_id})


def are_any_known(connection: Connection, digests: Collection[str]) -> bool:
    """Return whether there was a log-in with one of them within the last 30 days."""
    return connection.scalars(_FIND, {"digests": digests}).first() is not None
