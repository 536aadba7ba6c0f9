"""What a change of a factor does besides: an event, and a mail to the account's owner."""

from dataclasses import dataclass, replace

from authapi.db import events
from authapi.db.database import Transaction
from authapi.db.factors import StoredFactor
from authapi.db.links import Purpose
from authapi.db.users import Account
from authapi.errors import RateLimited
from authapi.services.accounts.devices import Device
from authapi.services.accounts.freshness import lock_fresh
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.steps import SECOND_FACTORS
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import MailKind
from authapi.verifier import Claims

# Each adds an event, which is kept for long. To remove a factor has no limit: it must be quick.
LIMITED = (EventType.FACTOR_ADDED, EventType.FACTOR_RENAMED, EventType.RECOVERY_CODES_MADE)
MOST_AN_HOUR, HOUR_SECONDS = 100, 3600.0

# Without a mail: another name.
MAILS = {
    EventType.RECOVERY_CODES_MADE: MailKind.FACTOR_ADDED,
    EventType.FACTOR_REMOVED: MailKind.FACTOR_REMOVED,
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Who changes a factor of the own account and from where, and what tells it by mail."""

    subject: Claims
    device: Device
    mails: Mails
    locale: str

    def lock(self, tx: Transaction) -> Account:
        """Do as `lock_fresh`. Raises RateLimited too, past MOST_AN_HOUR changes of the account."""
        account = lock_fresh(tx, self.subject)
        if events.count_lately(tx, account.id, LIMITED, HOUR_SECONDS) >= MOST_AN_HOUR:
            raise RateLimited(HOUR_SECONDS)
        return account

    def record(self, tx: Transaction, kind: EventType, factor: StoredFactor) -> None:
        """Record the change, in its transaction."""
        fields = {"user_id": factor.user_id, "sid": self.subject.sid, "ip": self.device.address}
        told = {"user_agent": self.device.user_agent, "factor_id": factor.id, "kind": factor.kind}
        record(tx, Event(kind, {**fields, **told}))

    def tell(self, tx: Transaction, kind: EventType, account: Account, factor: str) -> None:
        """Post a mail about this kind of factor. Its name is not told: who adds one chooses it."""
        post_notice(tx, self.mails, account, self._notice(MAILS[kind], factor))

    def after_adding(self, tx: Transaction, account: Account, factor: StoredFactor) -> None:
        """End a pending change of address with the first second factor, and post a mail.

        The account is as it was before. The mail has a link to undo it, unless a second factor had
        to be proven: a thief of a session needs none. None to an address that was not verified: it
        may be a stranger's.
        """
        if factor.kind in SECOND_FACTORS and not account.second_factors:
            # From now on this needs a second factor, and who asked before may have had none.
            end_links(tx, account.id, (Purpose.CHANGE,))
        notice = self._notice(MailKind.FACTOR_ADDED, factor.kind)
        if account.email_verified_at and not account.second_factors:
            kind = MailKind.FIRST_FACTOR_ADDED
            notice = replace(notice, kind=kind, undoes_since=factor.confirmed_at)
        post_notice(tx, self.mails, account, notice)

    def _notice(self, kind: MailKind, factor: str) -> Notice:
        return Notice(kind, self.locale, {"factor": factor, "device": self.device.for_mail()})
