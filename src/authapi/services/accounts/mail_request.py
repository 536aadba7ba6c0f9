"""A stranger asks for a mail to an address. Nobody learns whether it has an account.

For every address the same is done: one row in the outbox. Who it is for is looked up when it is
sent, on another thread.
"""

from dataclasses import dataclass, replace

from authapi.db.database import Database
from authapi.services.accounts.names import canonical_email, parse_email
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import Mail, MailKind


@dataclass(frozen=True, slots=True)
class MailRequest:
    """The address as typed, the language to write in, and where the request came from."""

    email: str
    locale: str
    address: str


def post_to_stranger(
    db: Database, mails: Mails, limits: RateLimits, kind: MailKind, request: MailRequest
) -> None:
    """Post the mail. Raises InvalidField for what is no e-mail address; RateLimited.

    An address that got its mails of this kind gets no other one within the hour; the answer stays
    the same, and so does its time.
    """
    email = parse_email(request.email)
    name = canonical_email(email)
    limits.count_mail_request(request.address)
    mail = Mail(kind, email, canonical=name, locale=request.locale)
    if not limits.may_mail(kind, name):
        mail = for_nobody(mail)
    with db.begin() as tx:
        mails.post(tx, mail)


def for_nobody(mail: Mail) -> Mail:
    """Return a mail that takes as long to post, and that the outbox removes without sending."""
    return replace(mail, kind=MailKind.VERIFY_EMAIL, to="", canonical="", user_id=None)


def is_for_nobody(mail: Mail) -> bool:
    return not mail.to
