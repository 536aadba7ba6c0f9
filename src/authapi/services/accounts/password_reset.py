"""A forgotten password: a mail with a link and a code, and a new password for one of them.

The reset proves that its user reads the mailbox. So whoever had the account before, or registered
it first with a stranger's address, has nothing left: every session ends, and so do a pending change
of address and all other links, but those back to an address that was verified. Factors stay if the
address was verified before. Else they go: a stranger may have added a passkey or linked an identity
as a way back in, or an app to lock the owner out.
The limits on guesses of this account begin anew: strangers may have used them up.
"""

from dataclasses import dataclass, field, replace

from authapi.db import factors, users
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose
from authapi.db.models import RevokedReason
from authapi.db.users import Account
from authapi.errors import InvalidLink
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.mail_request import MailRequest, post_to_stranger
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.passwords import Passwords
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.mail.links import Proof, use_up
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions

ENDED = (Purpose.RESET, Purpose.CHANGE, Purpose.VERIFY, Purpose.UNDO_UNVERIFIED)


@dataclass(frozen=True, slots=True)
class PasswordReset:
    """What came back from the mail, the password as typed, and which device sent both."""

    proof: Proof
    new_password: str = field(repr=False)
    device: Device
    locale: str


def ask_to_reset(db: Database, mails: Mails, passwords: Passwords, request: MailRequest) -> None:
    """Post a mail to choose a new password. The same for every address. Raises RateLimited."""
    post_to_stranger(db, mails, passwords.limits, MailKind.RESET_PASSWORD, request)


def reset_password(
    db: Database, mails: Mails, passwords: Passwords, reset: PasswordReset
) -> Hashing[None]:
    """Store the new password, and end every session.

    Raises RateLimited, InvalidLink; InvalidField: a password that is refused uses nothing up.
    """
    with passwords.limits.proof_attempt(reset.device.address):
        yield from _reset(db, mails, passwords, reset)


def _reset(db: Database, mails: Mails, passwords: Passwords, reset: PasswordReset) -> Hashing[None]:
    link = mails.links.find(db, reset.proof, (Purpose.RESET,))
    with db.connect() as connection:
        known = users.find(connection, link.user_id)
    if known is None:
        raise InvalidLink
    require_acceptable_password(
        reset.new_password, field="new_password", email=known.email, username=known.username
    )
    yield from passwords.breached.require_unbreached(reset.new_password, "new_password")
    new_hash = yield from passwords.hash(reset.new_password)
    with db.begin() as tx:
        account = use_up(tx, link)
        if canonical_email(account.email) != link.email_canonical:
            raise InvalidLink
        if account.email_verified_at is None:
            _end_factors(tx, account)
        users.set_password(tx, account.id, new_hash)
        users.verify_email(tx, account.id)
        end_links(tx, account.id, ENDED)
        stop = stop_sessions(tx, account.id, RevokedReason.PASSWORD_CHANGED)
        fields = {"user_id": account.id, "ip": reset.device.address}
        record(tx, Event(EventType.PASSWORD_RESET, fields))
        changed = replace(account, version=account.version + 1)
        addresses = passwords.known_addresses
        if account.second_factors and account.email_verified_at:
            # The mailbox alone is not the owner: no limit lets its device through.
            addresses.remember_registration(tx, changed, reset.device)
        else:
            addresses.remember_owner(tx, changed, reset.device)
        told = {"device": reset.device.for_mail()}
        post_notice(tx, mails, account, Notice(MailKind.PASSWORD_CHANGED, reset.locale, told))
    passwords.limits.lift(link.user_id, reset.device.address)
    follow_up(db, stop)


def _end_factors(tx: Transaction, account: Account) -> None:
    for factor in factors.list_in_force(tx, account.id):
        fields = {"user_id": account.id, "factor_id": factor.id, "kind": factor.kind}
        record(tx, Event(EventType.FACTOR_REMOVED, fields))
    factors.remove_all(tx, account.id)
