"""The table `known_addresses`: each statement commits by itself, on `connect(to_write=True)`."""

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from authapi.db.clock import db_now
from authapi.db.models import KnownAddress

KNOWN_SECONDS = 30 * 86400.0
MAX_OF_AN_ACCOUNT = 50
OLD_ONES_AT_ONCE = 100  # a new address takes as many old ones out

_other = aliased(KnownAddress)
# The clock is read once: as a function of each row it could not be compared within the index.
_is_old = _other.last_login_at <= select(db_now()).scalar_subquery() - KNOWN_SECONDS
_TOUCH = (
    update(KnownAddress)
    .where(KnownAddress.digest == bindparam("its_digest"))
    .values(last_login_at=db_now())
)
# In one order, so that two that remove can't wait for each other.
_PAST_THE_BOUND = (
    select(_other.digest)
    .where(_other.user_id == bindparam("its_user"))
    .order_by(_other.last_login_at.desc(), _other.digest)
    .offset(MAX_OF_AN_ACCOUNT)
    .with_for_update()
)
_OLD = (
    select(_other.digest)
    .where(_is_old)
    .order_by(_other.last_login_at)
    .limit(OLD_ONES_AT_ONCE)
    .with_for_update(skip_locked=True)
)
_TRIM, _PURGE = (
    delete(KnownAddress).where(KnownAddress.digest.in_(which)) for which in (_PAST_THE_BOUND, _OLD)
)


def note(connection: Connection, user_id: str, digest: str) -> None:
    """Note a log-in from there, now. A new address takes old ones out, of all accounts."""
    if connection.execute(_TOUCH, {"its_digest": digest}).rowcount:
        return
    new = {"digest": digest, "user_id": user_id, "last_login_at": db_now()}
    # A parallel log-in from there was faster, or the account is gone.
    with suppress(IntegrityError):
        connection.execute(insert(KnownAddress).values(new))
    connection.execute(_TRIM, {"its_user": user_id})
    connection.execute(_PURGE)


def are_any_known(connection: Connection, digests: Sequence[str]) -> bool:
    """Return whether there was a log-in from there within the last 30 days."""
    found = select(KnownAddress.digest).where(
        KnownAddress.digest.in_(digests), KnownAddress.last_login_at > db_now() - KNOWN_SECONDS
    )
    return connection.scalars(found).first() is not None
