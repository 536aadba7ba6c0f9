"""Mails that tell an account's owner what happened. A link in them undoes it, or there is none.

| kind             | after                                                         |
| ---------------- | ------------------------------------------------------------- |
| password_changed | the user's change or reset of the password                    |
| factor_added,    | the user's change of the factors: factors/changes             |
| factor_removed   |                                                               |
| first_factor_    | the same, with a link: see undoing                            |
| added            |                                                               |
| new_device       | a log-in from a device that was not seen before               |
| session_replayed | a refresh token was replayed: sessions/notices                |
| signed_out       | an operator signed the user out, set another password or      |
|                  | address, disabled the account, or removed its factors         |
| account_changed  | an operator changed anything else, or ended one session       |

An account gets MOST_AN_HOUR of each kind: who registers with a stranger's address must not be able
to fill that mailbox. Nor who makes one account with it after the other: `may_send` counts for the
address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authapi.db import outbox
from authapi.db.clock import read_clock
from authapi.db.database import Transaction
from authapi.db.links import Purpose
from authapi.db.users import Account
from authapi.services.accounts.devices import Device
from authapi.services.accounts.names import canonical_email
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.mails import Mails, as_time
from authapi.services.mail.messages import DEFAULT_LOCALE, NOTICES, Mail, MailKind

MOST_AN_HOUR = 5


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told, in which language, and the other values of its template but the time.

    `undoes_since`: its link goes back to the factors of before that moment.
    """

    kind: MailKind
    locale: str = DEFAULT_LOCALE
    details: Mapping[str, Any] = field(default_factory=dict)
    undoes_since: float | None = None


def post_notice(tx: Transaction, mails: Mails, account: Account, notice: Notice) -> None:
    """Post the notice to the account's address, verified or not: something happened just now.

    Not if the account got all of this kind that it gets in an hour. Each of their links undoes what
    came after it, too.
    """
    if outbox.count_lately(tx, account.id, notice.kind, 3600.0) >= MOST_AN_HOUR:
        return
    details = {"at": as_time(read_clock(tx)), **notice.details}
    mail = Mail(
        notice.kind,
        account.email,
        canonical=canonical_email(account.email),
        locale=notice.locale,
        user_id=account.id,
        details=details,
    )
    if notice.undoes_since is None:
        mails.post(tx, mail)
    else:
        mails.post_undo(tx, mail, Purpose.UNDO_FACTORS, notice.undoes_since)


def may_send(limits: RateLimits, mail: Mail) -> bool:
    """Count a notice that is about to be sent; False for one too many to its address.

    Every other mail was counted when it was asked for.
    """
    return mail.kind not in NOTICES or limits.may_mail(mail.kind, canonical_email(mail.to))


@dataclass(frozen=True, slots=True)
class NewDeviceNotice:
    """What the notice of a log-in needs besides the log-in."""

    mails: Mails
    locale: str

    def post(self, tx: Transaction, account: Account, device: Device) -> None:
        told = {"device": device.for_mail()}
        post_notice(tx, self.mails, account, Notice(MailKind.NEW_DEVICE, self.locale, told))
