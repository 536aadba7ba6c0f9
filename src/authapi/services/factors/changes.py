"""What a change of a factor does besides: an event, and a mail to the account's owner."""

from dataclasses import dataclass

from authapi.db.database import Transaction
from authapi.db.factors import StoredFactor
from authapi.db.users import Account
from authapi.services.accounts.devices import Device
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import MailKind
from authapi.verifier import Claims

# Without a mail: another name.
MAILS = {
    EventType.FACTOR_ADDED: MailKind.FACTOR_ADDED,
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

    def record(self, tx: Transaction, kind: EventType, factor: StoredFactor) -> None:
        """Record the change, in its transaction."""
        fields = {"user_id": factor.user_id, "sid": self.subject.sid, "ip": self.device.address}
        told = {"user_agent": self.device.user_agent, "factor_id": factor.id, "kind": factor.kind}
        record(tx, Event(kind, {**fields, **told}))

    def tell(self, tx: Transaction, kind: EventType, account: Account, factor: str) -> None:
        """Post a mail about this kind of factor. Its name is not told: who adds one chooses it."""
        details = {"factor": factor, "device": self.device.for_mail()}
        post_notice(tx, self.mails, account, Notice(MAILS[kind], self.locale, details))
