"""The table `links`. Callers lock the account's row before they change one."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from authapi.db.clock import db_now
from authapi.db.models import Link


class Purpose(StrEnum):
    """What a link or a code does."""

    VERIFY = "verify"  # the account's own address
    CHANGE = "change"  # to another address
    # Back to the old address, which nobody else gets meanwhile, and to the factors of then.
    UNDO = "undo"
    UNDO_ADDRESS = "undo_address"  # to the address alone: a second factor was there
    UNDO_UNVERIFIED = "undo_unverified"  # the same, while nobody has it: it was never proven
    UNDO_FACTORS = "undo_factors"  # back to the factors of before `created_at`
    RESET = "reset"  # the password


UNDOS = (Purpose.UNDO, Purpose.UNDO_ADDRESS, Purpose.UNDO_UNVERIFIED, Purpose.UNDO_FACTORS)


@dataclass(frozen=True, slots=True)
class StoredLink:
    id: str
    user_id: str
    purpose: str
    email: str
    email_canonical: str
    created_at: float
    expires_at: float


MAX_WRONG_CODES = 5
MAX_CANDIDATES = 5  # links to one address, of different accounts: the newest ones
ENDED_SECONDS = 86400.0  # as long as the outbox tries to send an older mail
_COLUMNS: list[Any] = [getattr(Link, column.name) for column in fields(StoredLink)]


def _in_force() -> ColumnElement[bool]:
    return and_(Link.used_at.is_(None), Link.expires_at > db_now())


KEPT_FOR_ITS_OWNER = and_(Link.purpose.in_((Purpose.UNDO, Purpose.UNDO_ADDRESS)), _in_force())


def open_link(connection: Connection, link: StoredLink) -> bool:
    """Add the link, or give it its new end; end the older ones of its kind. False if it is stale.

    It is stale if it was used, if the account asked for a newer one, or if `end` was called since
    its mail was posted. An undo link is there since its change (`add`), and none comes later.
    """
    if link.purpose in UNDOS:
        return _lengthen(connection, link)
    same = and_(Link.user_id == link.user_id, Link.purpose == link.purpose)
    newer = select(Link.id).where(same, Link.created_at > link.created_at)
    used = select(Link.id).where(Link.id == link.id, Link.used_at.is_not(None))
    if connection.execute(newer.union(used)).first() is not None:
        return False
    connection.execute(delete(Link).where(same, Link.id != link.id))
    if not _lengthen(connection, link):
        add(connection, link)
    return True


def add(connection: Connection, link: StoredLink) -> None:
    """Add the link. Undo links stay beside each other.

    Who changes an address twice must not end the first undo.
    """
    connection.execute(insert(Link).values(asdict(link)))


def _lengthen(connection: Connection, link: StoredLink) -> bool:
    again = update(Link).where(Link.id == link.id, Link.used_at.is_(None))
    return bool(connection.execute(again.values(expires_at=link.expires_at)).rowcount)


def find(connection: Connection, link_id: str, purposes: Collection[Purpose]) -> StoredLink | None:
    """Return the link in force."""
    statement = select(*_COLUMNS).where(Link.id == link_id, Link.purpose.in_(purposes), _in_force())
    row = connection.execute(statement).one_or_none()
    return None if row is None else StoredLink(*row)


def list_in_force(connection: Connection, user_id: str) -> Sequence[StoredLink]:
    """Return the account's links in force, the oldest first."""
    statement = select(*_COLUMNS).where(Link.user_id == user_id, _in_force())
    return [
        StoredLink(*row) for row in connection.execute(statement.order_by(Link.created_at, Link.id))
    ]


def count_tries(
    connection: Connection, email_canonical: str, purposes: Collection[Purpose]
) -> Sequence[StoredLink]:
    """Count one try of a code for each link to this address, and return the links it may match."""
    newest = (
        select(Link.id)
        .where(
            Link.email_canonical == email_canonical,
            Link.purpose.in_(purposes),
            Link.failures < MAX_WRONG_CODES,
            _in_force(),
        )
        .order_by(Link.created_at.desc())
        .limit(MAX_CANDIDATES)
    )
    counted = (
        update(Link)
        .where(Link.id.in_(newest), Link.failures < MAX_WRONG_CODES)
        .values(failures=Link.failures + 1)
        .returning(*_COLUMNS)
    )
    return [StoredLink(*row) for row in connection.execute(counted)]


def use(connection: Connection, link_id: str) -> bool:
    """Use the link up; False if somebody was faster, or it has run out."""
    used = update(Link).where(Link.id == link_id, _in_force()).values(used_at=db_now())
    return bool(connection.execute(used).rowcount)


def is_kept_for_another(connection: Connection, email_canonical: str, user_id: str = "") -> bool:
    """Return whether an undo link of another account is in force for this verified address.

    Its owner may want it back, so nobody else gets it until then. An address that was not verified
    may be a stranger's, who must get it.
    """
    kept = select(Link.id).where(
        Link.email_canonical == email_canonical, KEPT_FOR_ITS_OWNER, Link.user_id != user_id
    )
    return connection.execute(kept).first() is not None


def end(connection: Connection, user_id: str, purposes: Collection[Purpose]) -> None:
    """End the account's links for these purposes, those of mails that still wait too.

    A row that is used already stays for each: `open_link` finds that it is newer than such a mail.
    """
    connection.execute(delete(Link).where(Link.user_id == user_id, Link.purpose.in_(purposes)))
    now = db_now()
    ended = {"user_id": user_id, "email": "", "email_canonical": "", "created_at": now}
    ended |= {"used_at": now, "expires_at": now + ENDED_SECONDS}
    for purpose in purposes:
        connection.execute(insert(Link).values(id=token_urlsafe(16), purpose=purpose, **ended))


def end_later_undos(
    connection: Connection, undone: StoredLink, purposes: Collection[Purpose]
) -> None:
    """End the undo links for these purposes that are younger than the one that was used."""
    later = (
        Link.user_id == undone.user_id,
        Link.purpose.in_(purposes),
        Link.created_at > undone.created_at,
        Link.used_at.is_(None),
    )
    connection.execute(update(Link).where(*later).values(used_at=db_now()))
