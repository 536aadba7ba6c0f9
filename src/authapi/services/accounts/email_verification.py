"""A link or a code from a mail comes back: its address is verified, or becomes the account's.

| the mail was for      | effect                                                                  |
| --------------------- | ----------------------------------------------------------------------- |
| a registration        | it becomes an account: see confirmation.py                              |
| the account's address | it is verified                                                          |
| another address       | it is the account's and verified; links to the old address end, but the |
|                       | old address gets a link to undo it. If it was verified, nobody else     |
|                       | gets it meanwhile. If not, its owner must not be kept from it           |

Raises InvalidLink for anything else, and for an address that another account took meanwhile.
"""

from dataclasses import dataclass

from authapi.db import links, users
from authapi.db.clock import read_clock
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose, StoredLink
from authapi.db.users import Account
from authapi.errors import InvalidLink
from authapi.services.accounts.confirmation import begin_account, find_waiting
from authapi.services.accounts.mail_request import MailRequest, post_to_stranger
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.links import Proof, use_up
from authapi.services.mail.mails import Mails, as_time, end_links
from authapi.services.mail.messages import Mail, MailKind

PURPOSES = (Purpose.VERIFY, Purpose.CHANGE)
# What a mailbox that is no longer the account's could still do.
OF_THE_OLD_ADDRESS = (Purpose.VERIFY, Purpose.RESET, Purpose.CHANGE)


@dataclass(frozen=True, slots=True)
class ReturnedProof:
    """What came back from a mail, from which network address, and the language of a notice.

    `may_register` is false where the setting REGISTRATION is `closed`: no registration that waited
    becomes an account.
    """

    proof: Proof
    address: str
    locale: str
    may_register: bool = True


def ask_to_verify(db: Database, mails: Mails, limits: RateLimits, request: MailRequest) -> None:
    """Post a mail to verify the address. The same for every address. Raises RateLimited."""
    post_to_stranger(db, mails, limits, MailKind.VERIFY_EMAIL, request)


def verify_email(
    db: Database, mails: Mails, usernames: Usernames, limits: RateLimits, returned: ReturnedProof
) -> None:
    """Verify the address that the proof is for. Raises RateLimited."""
    with limits.proof_attempt(returned.address):
        waiting = find_waiting(db, mails.links.secrets, returned.proof)
        if waiting and not returned.may_register:
            raise InvalidLink
        link = None if waiting else mails.links.find(db, returned.proof, PURPOSES)
        try:
            with db.begin() as tx:
                if waiting:
                    begin_account(tx, usernames, waiting, returned.address)
                elif link:
                    _use(tx, mails, link, returned)
        except users.AlreadyTakenError:
            raise InvalidLink from None


def _use(tx: Transaction, mails: Mails, link: StoredLink, returned: ReturnedProof) -> None:
    account = use_up(tx, link)
    if link.purpose == Purpose.CHANGE:
        _change(tx, mails, account, link, returned.locale)
        event = EventType.EMAIL_CHANGED
    else:
        if canonical_email(account.email) != link.email_canonical:
            raise InvalidLink
        users.verify_email(tx, account.id)
        event = EventType.EMAIL_VERIFIED
    record(tx, Event(event, {"user_id": account.id, "ip": returned.address}))


def _change(tx: Transaction, mails: Mails, account: Account, link: StoredLink, locale: str) -> None:
    if links.is_kept_for_another(tx, link.email_canonical, account.id):
        raise users.AlreadyTakenError
    users.set_email(tx, account.id, link.email, link.email_canonical)
    end_links(tx, account.id, OF_THE_OLD_ADDRESS)
    now = read_clock(tx)
    notice = Mail(
        MailKind.EMAIL_CHANGED,
        account.email,
        canonical=canonical_email(account.email),
        user_id=account.id,
        locale=locale,
        details={"new_email": link.email, "at": as_time(now)},
    )
    mails.post_undo(tx, notice, _purpose_of_undo(account), now)


def _purpose_of_undo(account: Account) -> Purpose:
    """Decide it now: by the time of the undo, an owner's factors may be others."""
    if not account.email_verified_at:
        return Purpose.UNDO_UNVERIFIED
    return Purpose.UNDO_ADDRESS if account.second_factors else Purpose.UNDO
