"""The message that a mail server takes: headers (RFC 5322), text and HTML."""

from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

import idna

from authapi.config import Settings
from authapi.db.outbox import DueMail
from authapi.services.mail.errors import RefusedMailError
from authapi.services.mail.messages import Mail
from authapi.services.mail.writing import Text

LONGEST_LINE = 998  # RFC 5322 section 2.1.1


def as_message(settings: Settings, due: DueMail, mail: Mail, text: Text) -> EmailMessage:
    """Return the message. It is the same at each try, `Message-ID` included.

    Raises RefusedMailError for an address that a mail server would read as another one.
    """
    host = urlsplit(settings.public_url).hostname or "localhost"
    try:
        to = mailbox(mail.to)
    except (ValueError, IndexError, HeaderParseError) as error:
        raise RefusedMailError("its address can't be written") from error
    message = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    headers: dict[str, str | Address] = {
        "From": mailbox(settings.mail_from or f"authapi@{host}"),
        "To": to,
        "Subject": " ".join(text.subject.split()),
        "Date": format_datetime(datetime.fromtimestamp(due.created_at, UTC)),
        "Message-ID": f"<{due.id}@{host}>",
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
        "X-Auto-Response-Suppress": "All",
    }
    try:
        for name, value in headers.items():
            message[name] = value
    except ValueError as error:
        raise RefusedMailError("its headers can't be written") from error
    _require_one_reading(to)
    message.set_content(text.plain, cte=_encoding(text.plain))
    message.add_alternative(text.html, subtype="html")
    message["Content-Language"] = mail.locale  # set_content removes what begins with Content-
    return message


def _encoding(text: str) -> str:
    """Return how to send the text. The policy encodes long links, which nobody could copy then."""
    longest = max(map(len, text.splitlines()), default=0)
    return "7bit" if text.isascii() and longest < LONGEST_LINE else "quoted-printable"


def _require_one_reading(to: Address) -> None:
    """Raise RefusedMailError if a reader of the header finds another address than ours.

    It decodes encoded words (RFC 2047), also where none may stand.
    """
    try:
        header = SMTPUTF8.header_factory("To", str(to))
        read = [address.addr_spec for address in header.addresses]
    except (ValueError, IndexError, HeaderParseError) as error:
        raise RefusedMailError("its address can't be read") from error
    if read != [to.addr_spec]:
        raise RefusedMailError("a mail server would read another address")


def mailbox(text: str) -> Address:
    """Return `a@b.c` or `Name <a@b.c>`, with the domain's A-label: not every server takes others.

    A local part goes out as it is. Without ASCII it needs a server with SMTPUTF8 (RFC 6531).
    """
    name, spec = parseaddr(text)
    local, _, domain = spec.rpartition("@")
    return Address(name, local, domain if domain.isascii() else _a_label(domain))


def _a_label(domain: str) -> str:
    return idna.encode(idna.uts46_remap(domain, std3_rules=True)).decode()
