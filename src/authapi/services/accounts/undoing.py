"""An undo link comes back: what a thief did with a session or the password is taken back.

| the link is about | what goes                                                                   |
| ----------------- | --------------------------------------------------------------------------- |
| a new factor      | it, and each factor since: who added it could prove the later ones by it.   |
|                   | The password too: who knows it could add another one at once                |
| a changed address | the new address. The old one is the account's again, and verified. Each     |
|                   | factor since goes too, if the old address was verified then and there was   |
|                   | no second factor: that one would have proven them                           |

Both end every session, log-ins and links that wait, and the undo links of what came later, since
they may lead to mailboxes of whoever did it. After a factor, those of addresses stay: one may lead
to the owner. Earlier ones stay: the owner may have to go back two steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from authapi.crypto.passwords import NO_PASSWORD
from authapi.db import factors, links, users
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose, StoredLink
from authapi.db.models import RevokedReason
from authapi.db.stops import Stopped
from authapi.db.users import Account
from authapi.errors import InvalidLink
from authapi.services.accounts.devices import Device
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.links import Proof, use_up
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions

ENDED = (Purpose.CHANGE, Purpose.RESET, Purpose.VERIFY)


@dataclass(frozen=True, slots=True)
class Undo:
    """A link that came back, the device that sent it, and the language of notices."""

    proof: Proof
    device: Device
    locale: str

    def record(self, tx: Transaction, event: EventType, account: Account, **more: object) -> None:
        record(tx, Event(event, {"user_id": account.id, "ip": self.device.address, **more}))


def undo_change(db: Database, mails: Mails, limits: RateLimits, undo: Undo) -> None:
    """Take back what the link is about. Raises RateLimited; InvalidLink.

    InvalidLink too if another account has the address.
    """
    with limits.proof_attempt(undo.device.address):
        link = mails.links.find(db, undo.proof, links.UNDOS)
        try:
            with db.begin() as tx:
                stop = _take_back(tx, mails, link, undo)
        except users.AlreadyTakenError:
            raise InvalidLink from None
        follow_up(db, stop)


def _take_back(tx: Transaction, mails: Mails, link: StoredLink, undo: Undo) -> Stopped:
    account = use_up(tx, link)
    if link.purpose == Purpose.UNDO_FACTORS:
        _remove_since(tx, mails, account, link, undo)
        users.set_password(tx, account.id, NO_PASSWORD)
        later: Sequence[Purpose] = (Purpose.UNDO_FACTORS,)
        event, reason = EventType.FACTOR_UNDONE, RevokedReason.FACTOR_UNDONE
    else:
        _set_old_address(tx, mails, account, link, undo)
        later = links.UNDOS
        users.end_proofs(tx, account.id)
        event, reason = EventType.EMAIL_CHANGE_UNDONE, RevokedReason.EMAIL_CHANGE_UNDONE
    end_links(tx, account.id, ENDED)
    links.end_later_undos(tx, link, later)
    undo.record(tx, event, account)
    return stop_sessions(tx, account.id, reason)


def _set_old_address(
    tx: Transaction, mails: Mails, account: Account, link: StoredLink, undo: Undo
) -> None:
    users.set_email(tx, account.id, link.email, link.email_canonical)
    if link.purpose == Purpose.UNDO:
        _remove_since(tx, mails, replace(account, email=link.email), link, undo)


def _remove_since(
    tx: Transaction, mails: Mails, account: Account, link: StoredLink, undo: Undo
) -> None:
    """Remove the factors since the link's moment, and tell the owner of each kind once."""
    removed = factors.remove_since(tx, account.id, link.created_at)
    for factor in removed:
        told = {"factor_id": factor.id, "kind": factor.kind}
        undo.record(tx, EventType.FACTOR_REMOVED, account, **told)
    for kind in dict.fromkeys(factor.kind for factor in removed):
        details = {"factor": kind, "device": undo.device.for_mail()}
        post_notice(tx, mails, account, Notice(MailKind.FACTOR_REMOVED, undo.locale, details))
