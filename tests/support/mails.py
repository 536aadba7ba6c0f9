"""Mails as their reader sees them: files of MAIL_DIR, parsed."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from tests.support.until import until

LINK = re.compile(r"https?://\S+[?&]token=(\S+)")
CODE = re.compile(r"^    ([A-Z]{4}-[A-Z]{4})\s*$", re.MULTILINE)
PATIENCE = 60.0  # seconds until another process has sent a mail; the machine may be busy


@dataclass(frozen=True)
class ReadMail:
    """A mail as its reader sees it."""

    message: EmailMessage

    @property
    def to(self) -> str:
        return str(self.message["To"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content())

    @property
    def html(self) -> str:
        body = self.message.get_body(("html",))
        assert body is not None
        return str(body.get_content())

    @property
    def link(self) -> str:
        found = LINK.search(self.text)
        assert found
        return found[0]

    @property
    def token(self) -> str:
        found = LINK.search(self.text)
        assert found
        return found[1]

    @property
    def code(self) -> str:
        found = CODE.search(self.text)
        assert found
        return found[1]


def mails_in(folder: Path, to: str | None = None, about: str = "") -> list[ReadMail]:
    """Return the mails to that address about that, in the order of posting."""
    read = [message_from_bytes(path.read_bytes(), policy=default) for path in folder.glob("*.eml")]
    mails = [ReadMail(message) for message in read if isinstance(message, EmailMessage)]
    mails.sort(key=lambda mail: str(mail.message["Date"]))
    return [mail for mail in mails if mail.to == (to or mail.to) and about in mail.subject]


def arriving(folder: Path, to: str, about: str) -> ReadMail:
    """Wait for another process to send a mail; return the one mail to that address about that."""
    until(lambda: bool(mails_in(folder, to, about)), seconds=PATIENCE, every=0.05)
    (mail,) = mails_in(folder, to, about)
    return mail
