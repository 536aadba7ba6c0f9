"""Mails as other services use them: post one, read what one proved, choose its language."""

from collections.abc import Collection
from dataclasses import dataclass

from authapi.clock import as_datetime
from authapi.config import Settings
from authapi.db import links, outbox
from authapi.db.database import Transaction
from authapi.db.links import Purpose, StoredLink
from authapi.services.mail.links import Links
from authapi.services.mail.messages import LINKS, Languages, Mail
from authapi.services.mail.outbox import Outbox

# Who is shut out, by a new password or an operator, may have asked for these before.
OF_WHO_IS_SHUT_OUT = (Purpose.RESET, Purpose.CHANGE)


@dataclass(frozen=True, slots=True)
class Mails:
    outbox: Outbox
    links: Links
    languages: Languages

    @staticmethod
    def of(settings: Settings) -> "Mails":
        secrets = settings.secrets
        return Mails(Outbox.of(secrets), Links.of(secrets), Languages(settings))

    def post(self, tx: Transaction, mail: Mail) -> str:
        """Add the mail to the outbox; return its id. It is sent after the commit, if any."""
        tx.note_mail()
        return self.outbox.post(tx, mail)

    def post_undo(self, tx: Transaction, mail: Mail, purpose: Purpose, since: float) -> None:
        """Add a mail with a link to undo what was done at `since`.

        The link is there before its mail is sent: it keeps an address for its owner until then too.
        """
        link = StoredLink(
            id=self.post(tx, mail),
            user_id=mail.user_id or "",
            purpose=purpose,
            email=mail.to,
            email_canonical=mail.canonical,
            created_at=since,
            expires_at=since + LINKS[mail.kind].seconds,
        )
        links.add(tx, link)


def end_links(
    tx: Transaction, user_id: str, purposes: Collection[Purpose] = OF_WHO_IS_SHUT_OUT
) -> None:
    """End the account's links for these purposes, and drop mails with such links that wait."""
    links.end(tx, user_id, purposes)
    outbox.drop(tx, user_id, [kind for kind, rule in LINKS.items() if rule.purpose in purposes])


def as_time(moment: float) -> str:
    """Return a moment in Unix seconds as a mail names it."""
    return as_datetime(moment).strftime("%Y-%m-%d %H:%M UTC")
