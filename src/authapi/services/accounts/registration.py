"""Registration: a stranger asks for an account, or the operator adds one.

| the address is | REGISTRATION_CONFIRMS_EMAIL off  | on                                 |
| -------------- | -------------------------------- | ---------------------------------- |
| new            | the account; a mail to verify it | it waits; a mail to confirm it     |
| known          | AlreadyRegistered                | the same; the mail says that there |
|                |                                  | is one (services/mail/addressing)  |

A taken username is UsernameTaken in each case. confirmation.py ends the wait.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.passwords import PasswordHasher
from authapi.db import links, pending_registrations, users
from authapi.db.database import Database, Transaction
from authapi.db.pending_registrations import Pending
from authapi.db.users import Account, NewAccount
from authapi.errors import AlreadyRegistered, RegistrationClosed, UsernameTaken
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing, hash_here
from authapi.services.accounts.mail_request import for_nobody
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
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import DEFAULT_LOCALE, Mail, MailKind

# Apart from the mails that anybody asks for at /email/verify/resend, before there is an account.
COUNTED_AS = "registration"


@dataclass(frozen=True, slots=True)
class NewUser:
    """An account as typed. Only the operator gives `scopes`.

    A stranger's request came from an `address`, and its mail is written in the language `locale`.
    """

    email: str
    password: str = field(repr=False)
    username: str | None = None
    scopes: str = ""
    address: str = ""
    locale: str = DEFAULT_LOCALE
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class Registrar:
    """All that a registration needs."""

    db: Database
    settings: Settings
    passwords: Passwords
    usernames: Usernames
    mails: Mails


def register(here: Registrar, wanted: NewUser) -> Hashing[Account | None]:
    """Return a stranger's new account; None where the answer must not tell whether there is one.

    Raises RegistrationClosed, RateLimited and what `add_user` raises.
    """
    if here.settings.registration == "closed":
        raise RegistrationClosed
    new = _as_typed(wanted)
    # A typing error is free. To learn whether an account exists is not.
    here.passwords.limits.count_registration(wanted.address)
    is_silent = here.settings.registration_confirms_email
    if is_silent:
        with here.db.connect() as connection:
            _require_free_username(connection, here.usernames, new)
    else:
        _require_free(here.db, here.usernames, new)
    yield from here.passwords.breached.require_unbreached(wanted.password, "password")
    new = replace(new, password_hash=(yield from here.passwords.hash(wanted.password)))
    device = Device(wanted.address, wanted.user_agent)
    if is_silent:
        _wait_for_proof(here, new, wanted, device)
        return None
    mail = Mail(
        MailKind.VERIFY_EMAIL,
        new.email,
        canonical=new.email_canonical,
        locale=wanted.locale,
        user_id=new.id,
    )
    try:
        return _open_account(here, new, _if_allowed(here.passwords.limits, mail), device)
    except users.AlreadyTakenError:
        # Somebody was faster: tell which of the two is taken.
        _require_free(here.db, here.usernames, new)
        raise


def _if_allowed(limits: RateLimits, mail: Mail) -> Mail:
    """Return the mail; one for nobody if its address got its mails of this hour."""
    return mail if limits.may_mail(COUNTED_AS, mail.canonical) else for_nobody(mail)


def _wait_for_proof(here: Registrar, new: NewAccount, wanted: NewUser, device: Device) -> None:
    """Let the registration wait. Nothing here depends on whether the address has an account."""
    network, agent = here.passwords.known_addresses.of_registration(new.id, device)
    mail = Mail(
        MailKind.CONFIRM_REGISTRATION,
        new.email,
        canonical=new.email_canonical,
        locale=wanted.locale,
    )
    mail = _if_allowed(here.passwords.limits, mail)
    try:
        with here.db.begin() as tx:
            waiting = Pending(
                id=new.id,
                email=new.email,
                email_canonical=new.email_canonical,
                username=new.username,
                username_canonical=new.username_canonical,
                password_hash=new.password_hash,
                network_digest=network,
                agent_digest=agent,
                link_id=here.mails.post(tx, mail),
            )
            pending_registrations.put(tx, waiting)
            users.take_turn(tx, new.username_canonical)
            _require_free_username(tx, here.usernames, new)  # a raise undoes the transaction
    except users.AlreadyTakenError:
        raise UsernameTaken from None


def _open_account(here: Registrar, new: NewAccount, mail: Mail, device: Device) -> Account:
    with here.db.begin() as tx:
        account = insert_account(tx, here.usernames, new)
        record(tx, Event(EventType.USER_REGISTERED, {"user_id": account.id, "ip": device.address}))
        here.passwords.known_addresses.remember_registration(tx, account, device)
        here.mails.post(tx, mail)
    return account


def add_user(
    db: Database,
    hasher: PasswordHasher,
    wanted: NewUser,
    usernames: Usernames,
    breached: BreachedPasswords | None = None,
) -> Account:
    """Return the operator's new account.

    Raises InvalidField, AlreadyRegistered, UsernameTaken, PasswordCheckUnavailable.
    """
    return hash_here(make_user(db, Maker(hasher, usernames, breached), wanted))


def _nothing_more(_tx: Transaction, _account: Account) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Maker:
    """What an operator's account is made with. `finish` belongs to its transaction."""

    hasher: PasswordHasher
    usernames: Usernames
    breached: BreachedPasswords | None = None
    finish: Callable[[Transaction, Account], None] = _nothing_more


def make_user(db: Database, maker: Maker, wanted: NewUser) -> Hashing[Account]:
    """Return the operator's new account. Raises what `add_user` raises."""
    require_grantable(wanted.scopes)
    new = _as_typed(wanted)
    _require_free(db, maker.usernames, new)
    if maker.breached:
        yield from maker.breached.require_unbreached(wanted.password, "password")
    password_hash = yield from hash_password(maker.hasher, wanted.password)
    new = replace(new, password_hash=password_hash)
    try:
        with db.begin() as tx:
            account = insert_account(tx, maker.usernames, new)
            maker.finish(tx, account)
            return account
    except users.AlreadyTakenError:
        # Somebody was faster: tell which of the two is taken.
        _require_free(db, maker.usernames, new)
        raise


def insert_account(tx: Transaction, usernames: Usernames, new: NewAccount) -> Account:
    if links.is_kept_for_another(tx, new.email_canonical):
        raise users.AlreadyTakenError
    account = users.add(tx, new)
    usernames.take(tx, new.username_canonical, account.id, new.email_canonical)
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


def _require_free(db: Database, usernames: Usernames, new: NewAccount) -> None:
    with db.connect() as connection:
        require_free_email(connection, new)
        _require_free_username(connection, usernames, new)


def require_free_email(connection: Connection, new: NewAccount) -> None:
    """Raise AlreadyRegistered if an account has the address, or its owner may want it back."""
    owner = users.find_by_email(connection, new.email_canonical)
    if owner or links.is_kept_for_another(connection, new.email_canonical):
        raise AlreadyRegistered


def _require_free_username(connection: Connection, usernames: Usernames, new: NewAccount) -> None:
    name = new.username_canonical
    if name:
        if users.find_by_username(connection, name):
            raise UsernameTaken
        usernames.require_unclaimed(connection, name, email=new.email_canonical)
