"""Registration: a stranger asks for an account, or the operator adds one."""

from dataclasses import dataclass, field, replace

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.passwords import PasswordHasher
from authapi.db import users
from authapi.db.database import Database
from authapi.db.users import Account, NewAccount
from authapi.errors import AlreadyRegistered, RegistrationClosed, UsernameTaken
from authapi.services.accounts.hashing import Hashing, hash_here
from authapi.services.accounts.names import (
    canonical,
    canonical_email,
    parse_email,
    parse_username,
)
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.passwords import Passwords, hash_password
from authapi.services.accounts.scopes import require_grantable
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account as typed. Only the operator gives `scopes`, and has no `address`."""

    email: str
    password: str = field(repr=False)
    username: str | None = None
    scopes: str = ""
    address: str | None = None


def register(
    db: Database, settings: Settings, passwords: Passwords, wanted: NewUser, usernames: Usernames
) -> Hashing[Account]:
    """Return a stranger's new account.

    Raises RegistrationClosed, RateLimited and what `add_user` raises.
    """
    if settings.registration == "closed":
        raise RegistrationClosed
    account = _as_typed(wanted)
    # A typing error is free. To learn whether an account exists is not.
    passwords.limits.count_registration(wanted.address or "")
    return (yield from _add(db, passwords.hasher, account, wanted, usernames))


def add_user(
    db: Database, hasher: PasswordHasher, wanted: NewUser, usernames: Usernames
) -> Account:
    """Return the operator's new account. Raises InvalidField, AlreadyRegistered, UsernameTaken."""
    require_grantable(wanted.scopes)
    return hash_here(_add(db, hasher, _as_typed(wanted), wanted, usernames))


def _add(
    db: Database, hasher: PasswordHasher, new: NewAccount, wanted: NewUser, usernames: Usernames
) -> Hashing[Account]:
    _require_free(db, new, usernames)
    new = replace(new, password_hash=(yield from hash_password(hasher, wanted.password)))
    try:
        with db.begin() as tx:
            account = users.add(tx, new)
            usernames.take(tx, new.username_canonical, account.id)
            if wanted.address is not None:  # a stranger's; the operator knows
                fields = {"user_id": account.id, "ip": wanted.address}
                record(tx, Event(EventType.USER_REGISTERED, fields))
    except users.AlreadyTakenError:
        _require_free(db, new, usernames)  # somebody was faster: tell which of the two is taken
        raise
    return account


def _as_typed(wanted: NewUser) -> NewAccount:
    email = parse_email(wanted.email)
    username = parse_username(wanted.username) if wanted.username is not None else None
    require_acceptable_password(wanted.password, field="password", email=email, username=username)
    return NewAccount(
        id=new_id(),
        email=email,
        email_canonical=canonical_email(email),
        username=username,
        username_canonical=canonical(username) if username else None,
        password_hash="",
        scopes=wanted.scopes,
    )


def _require_free(db: Database, new: NewAccount, usernames: Usernames) -> None:
    with db.connect() as connection:
        if users.find_by_email(connection, new.email_canonical):
            raise AlreadyRegistered
        if new.username_canonical and users.find_by_username(connection, new.username_canonical):
            raise UsernameTaken
        usernames.require_rested(connection, new.username_canonical)
