"""Mails as other services use them: post one, read what one proved, choose its language."""

from dataclasses import dataclass

from authapi.clock import as_datetime
from authapi.config import Settings
from authapi.db.database import Transaction
from authapi.services.mail.links import Links
from authapi.services.mail.messages import Languages, Mail
from authapi.services.mail.outbox import Outbox


@dataclass(frozen=True, slots=True)
class Mails:
    outbox: Outbox
    links: Links
    languages: Languages

    @staticmethod
    def of(settings: Settings) -> "Mails":
        secrets = settings.secrets
        return Mails(Outbox.of(secrets), Links.of(secrets), Languages(settings))

    def post(self, tx: Transaction, mail: Mail) -> None:
        """Add the mail to the outbox. It is sent after the commit, or not at all without one."""
        self.outbox.post(tx, mail)
        tx.note_mail()


def as_time(moment: float) -> str:
    """Return a moment in Unix seconds as a mail names it."""
    return as_datetime(moment).strftime("%Y-%m-%d %H:%M UTC")
