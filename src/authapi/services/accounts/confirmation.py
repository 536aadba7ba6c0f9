"""Registrations that wait: with REGISTRATION_CONFIRMS_EMAIL an account begins with its proof.

| what comes                                      | effect                                     |
| ----------------------------------------------- | ------------------------------------------ |
| a registration (see registration.py)            | it waits for a day; an older one           |
|                                                 | with the address ends                      |
| a log-in with its password                      | RegistrationWaits                          |
| its link or its code                            | the account, verified, with what was typed |
| the same, and an account has got the address or | InvalidLink: that account stays as it is   |
| the username meanwhile                          |                                            |

All but the last is the same for an address that has an account. Only its mailbox learns of that.
"""

from authapi.crypto.mail_secrets import MailSecrets
from authapi.db import known_addresses, links, pending_registrations, users
from authapi.db.database import Database, Transaction
from authapi.db.pending_registrations import Pending
from authapi.errors import InvalidLink, UsernameTaken
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.passwords import Passwords
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.mail.links import Proof


def is_password_of_waiting(
    db: Database, passwords: Passwords, name: str, password: str
) -> Hashing[bool]:
    """Return whether a registration with this name and password waits. One hash in any case."""
    with db.connect() as connection:
        stored = pending_registrations.find_hash(connection, name)
    # No decoy: these hashes are of a day ago at most, so all have the settings of today.
    return (yield from passwords.verify(password, stored)).valid


def find_waiting(db: Database, secrets: MailSecrets, proof: Proof) -> Pending | None:
    """Return the registration that the proof is for. A code counts a try."""
    if proof.token is not None:
        link_id = secrets.id_of(proof.token)
        with db.connect() as connection:  # for a forged one too: it costs the same
            found = pending_registrations.find_by_link(connection, link_id or "")
        return found if link_id else None
    with db.connect(to_write=True) as connection:
        found = pending_registrations.count_try(connection, proof.email_canonical or "")
    return found if found and secrets.is_code_of(found.link_id, proof.code) else None


def begin_account(tx: Transaction, usernames: Usernames, waiting: Pending, address: str) -> None:
    """Make the account of a registration whose proof came from a network address.

    Raises InvalidLink or AlreadyTakenError: either undoes the transaction.
    """
    is_kept = links.is_kept_for_another(tx, waiting.email_canonical)
    if is_kept or not pending_registrations.take(tx, waiting.link_id):
        raise InvalidLink
    account = users.add(tx, waiting.as_account())
    try:
        usernames.take(tx, waiting.username_canonical, account.id)
    except UsernameTaken:
        raise InvalidLink from None
    users.verify_email(tx, account.id)
    known_addresses.add(tx, account.id, (waiting.network_digest, waiting.agent_digest))
    for event in (EventType.USER_REGISTERED, EventType.EMAIL_VERIFIED):
        record(tx, Event(event, {"user_id": account.id, "ip": address}))
