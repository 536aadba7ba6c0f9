"""A link or a code from a mail comes back: its address is verified, or becomes the account's.

| the mail was for      | effect                                                                  |
| --------------------- | ----------------------------------------------------------------------- |
| the account's address | it is verified                                                          |
| another address       | it is the account's and verified; links to the old address end, but the |
|                       | old address gets a link to undo it                                      |

Raises InvalidLink for anything else, and for an address that another account took meanwhile.
"""

from authapi.db import links, users
from authapi.db.clock import read_clock
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose, StoredLink
from authapi.db.users import Account
from authapi.errors import InvalidLink
from authapi.services.accounts.mail_request import MailRequest, post_to_stranger
from authapi.services.accounts.names import canonical_email
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.links import Proof, use_up
from authapi.services.mail.mails import Mails, as_time
from authapi.services.mail.messages import LINKS, Mail, MailKind

PURPOSES = (Purpose.VERIFY, Purpose.CHANGE)
# What a mailbox that is no longer the account's could still do.
OF_THE_OLD_ADDRESS = (Purpose.VERIFY, Purpose.RESET, Purpose.CHANGE)


def ask_to_verify(db: Database, mails: Mails, limits: RateLimits, request: MailRequest) -> None:
    """Post a mail to verify the address. The same for every address. Raises RateLimited."""
    post_to_stranger(db, mails, limits, MailKind.VERIFY_EMAIL, request)


def verify_email(
    db: Database, mails: Mails, limits: RateLimits, proof: Proof, address: str
) -> None:
    """Verify the address that the proof is for. `address` is where the request came from.

    Raises RateLimited.
    """
    with limits.proof_attempt(address):
        _verify(db, mails, proof, address)


def _verify(db: Database, mails: Mails, proof: Proof, address: str) -> None:
    link = mails.links.find(db, proof, PURPOSES)
    try:
        with db.begin() as tx:
            account = use_up(tx, link)
            if link.purpose == Purpose.CHANGE:
                _change(tx, mails, account, link)
                event = EventType.EMAIL_CHANGED
            else:
                if canonical_email(account.email) != link.email_canonical:
                    raise InvalidLink
                users.verify_email(tx, account.id)
                event = EventType.EMAIL_VERIFIED
            record(tx, Event(event, {"user_id": account.id, "ip": address}))
    except users.AlreadyTakenError:
        raise InvalidLink from None


def _change(tx: Transaction, mails: Mails, account: Account, link: StoredLink) -> None:
    if links.is_kept_for_another(tx, link.email_canonical, account.id):
        raise users.AlreadyTakenError
    users.set_email(tx, account.id, link.email, link.email_canonical)
    mails.end_links(tx, account.id, OF_THE_OLD_ADDRESS)
    now = read_clock(tx)
    notice = Mail(
        MailKind.EMAIL_CHANGED,
        account.email,
        canonical=canonical_email(account.email),
        user_id=account.id,
        details={"new_email": link.email, "at": as_time(now)},
    )
    # The link is there before its mail is sent: until then, too, nobody else may have the address.
    links.add(
        tx,
        StoredLink(
            id=mails.post(tx, notice),
            user_id=account.id,
            purpose=Purpose.UNDO,
            email=account.email,
            email_canonical=notice.canonical,
            created_at=now,
            expires_at=now + LINKS[notice.kind].seconds,
        ),
    )
