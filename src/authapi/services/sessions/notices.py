"""The mail to the owner of a session that ended because its refresh token was replayed."""

from collections.abc import Callable
from dataclasses import dataclass

from authapi.db import users
from authapi.db.database import Transaction
from authapi.db.sessions import StoredSession
from authapi.services.accounts.devices import Device
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.mail.mails import Mails, as_time
from authapi.services.mail.messages import MailKind


@dataclass(frozen=True, slots=True)
class ReplayNotice:
    """What the notice says besides the session: who presented the token, in which language."""

    mails: Mails
    device: Device
    locale: str

    def post(self, tx: Transaction, session: StoredSession, now: float) -> None:
        """Post it, with the device that logged in and the one that presented the token."""
        account = users.find(tx, session.user_id) if session.user_id else None
        if account is None:
            return
        of_log_in = Device(session.ip or "", session.user_agent).for_mail()
        told = {"at": as_time(now), "devices": [of_log_in, self.device.for_mail()]}
        notice = Notice(MailKind.SESSION_REPLAYED, self.locale, told)
        post_notice(tx, self.mails, account, notice)


# Called for a replay alone: an ordinary refresh must not pay for it.
MakeNotice = Callable[[], ReplayNotice]
