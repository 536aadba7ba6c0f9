"""Users that are imported: many rows a statement. Callers give canonical forms."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Boolean, Connection, and_, bindparam, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from authapi.db.clock import read_clock
from authapi.db.links import KEPT_FOR_ITS_OWNER
from authapi.db.models import Link, User
from authapi.db.users import AlreadyTakenError, NewAccount


@dataclass(frozen=True, slots=True)
class NewImport(NewAccount):
    """An account to be added, as another product had it."""

    is_verified: bool
    is_disabled: bool


@dataclass(frozen=True, slots=True)
class Taken:
    """Addresses and usernames that an import may not add.

    `without_password`: those addresses whose account has no password, and nothing has changed since
    it was made. What took a password away changed the version: a thief may know that password.
    `verified`: those of them that are.
    """

    emails: Collection[str]
    without_password: Collection[str]
    verified: Collection[str]
    kept_emails: Collection[str]
    usernames: Collection[str]


def find_taken(
    connection: Connection, emails: Sequence[str], usernames: Sequence[str], no_password: str
) -> Taken:
    """Return which are taken. The hash `no_password` stands for an account without one."""
    # One statement: between two, an account would have its username and not yet its address.
    ours = or_(User.email_canonical.in_(emails), User.username_canonical.in_(usernames))
    has_none = and_(User.password_hash == no_password, User.version == 0)
    is_verified = User.email_verified_at.is_not(None)
    columns = (User.email_canonical, User.username_canonical, has_none, is_verified)
    found = connection.execute(select(*columns).where(ours)).all()
    kept = select(Link.email_canonical).where(Link.email_canonical.in_(emails), KEPT_FOR_ITS_OWNER)
    return Taken(
        emails={email for email, *_ in found},
        without_password={email for email, _, has_none, _ in found if has_none},
        verified={email for email, _, has_none, is_proven in found if has_none and is_proven},
        kept_emails=set(connection.scalars(kept)),
        usernames={name for _, name, *_ in found if name},
    )


def add_all(connection: Connection, new: Sequence[NewImport]) -> None:
    """Add the accounts. Raises AlreadyTakenError, after which a transaction must be given up."""
    now = read_clock(connection)
    rows = []
    for account in new:
        row = asdict(account)
        row["email_verified_at"] = now if row.pop("is_verified") else None
        row["disabled_at"] = now if row.pop("is_disabled") else None
        rows.append(row | {"created_at": now})
    try:
        connection.execute(insert(User), rows)
    except IntegrityError as error:
        raise AlreadyTakenError from error


def give_passwords(connection: Connection, new: Sequence[NewImport], no_password: str) -> None:
    """Store the hashes of accounts that still have `no_password`, as on the day they were made.

    Who has an address there and never proved it gets into no account that has proven it here.
    """
    statement = (
        update(User)
        .where(
            User.email_canonical == bindparam("name"),
            User.password_hash == no_password,
            User.version == 0,
            or_(bindparam("proven", type_=Boolean), User.email_verified_at.is_(None)),
        )
        .values(password_hash=bindparam("given"))
    )
    given = [
        {"name": one.email_canonical, "given": one.password_hash, "proven": one.is_verified}
        for one in new
    ]
    connection.execute(statement, given)
