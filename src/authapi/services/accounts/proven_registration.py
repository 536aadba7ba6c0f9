"""Registration by somebody whose address another provider has verified: the account begins at once.

It has no password. A reset by mail gives it one.
"""

from collections.abc import Callable

from authapi.crypto.ids import new_id
from authapi.crypto.passwords import NO_PASSWORD
from authapi.db import pending_registrations, users
from authapi.db.database import Transaction
from authapi.db.users import Account, NewAccount
from authapi.errors import EmailNotVerified, InvalidField, RegistrationClosed
from authapi.services.accounts.devices import Device
from authapi.services.accounts.names import canonical_email, parse_email, trimmed
from authapi.services.accounts.registration import Registrar, insert_account, require_free_email
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record


def register_proven(
    here: Registrar,
    verified_email: str | None,
    device: Device,
    finish: Callable[[Transaction, Account], None],
) -> None:
    """Make the account. `finish` belongs to its transaction.

    A registration of the address that waits ends: its link opens nothing any more. Raises
    EmailNotVerified, AlreadyRegistered, RegistrationClosed, RateLimited; AlreadyTakenError if
    somebody is faster.
    """
    new = _as_account(verified_email)
    with here.db.connect() as connection:
        # The caller's own address: it is theirs to know that it has an account.
        require_free_email(connection, new)
    if here.settings.registration == "closed":
        raise RegistrationClosed
    here.passwords.limits.count_registration(device.address)
    with here.db.begin() as tx:
        pending_registrations.remove(tx, new.email_canonical)
        account = insert_account(tx, here.usernames, new)
        users.verify_email(tx, account.id)
        here.passwords.known_addresses.remember_registration(tx, account, device)
        for event in (EventType.USER_REGISTERED, EventType.EMAIL_VERIFIED):
            record(tx, Event(event, {"user_id": account.id, "ip": device.address}))
        finish(tx, account)


def _as_account(verified_email: str | None) -> NewAccount:
    if verified_email is None:
        raise EmailNotVerified
    try:
        email = parse_email(trimmed(verified_email))
    except (InvalidField, ValueError):
        raise EmailNotVerified from None
    return NewAccount(
        id=new_id(),
        email=email,
        email_canonical=canonical_email(email),
        username=None,
        username_canonical=None,
        password_hash=NO_PASSWORD,
        scopes="",
    )
