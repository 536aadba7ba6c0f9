"""Another e-mail address for an account is asked for. It is done when the new mailbox answers.

Whose the address is, is looked up when the mail is sent: see services/mail/addressing. The link or
the code makes the change in email_verification.
"""

from dataclasses import dataclass, field

from authapi.db.database import Database
from authapi.services.accounts.freshness import require_fresh_if_strong, require_level
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.mail_request import for_nobody
from authapi.services.accounts.names import canonical_email, parse_email
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.mail.mails import Mails
from authapi.services.mail.messages import Mail, MailKind
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class EmailChange:
    """The password and the new address as typed, and where the request came from."""

    password: str = field(repr=False)
    email: str
    address: str
    locale: str


def ask_to_change(
    db: Database, mails: Mails, passwords: Passwords, subject: Claims, change: EmailChange
) -> Hashing[None]:
    """Post a mail to the new address.

    Raises InvalidField, and what `require_fresh_if_strong` and `require_password` raise.
    """
    email = parse_email(change.email)
    require_fresh_if_strong(db, subject)
    name = canonical_email(email)
    account = yield from require_password(
        db, passwords, subject.sub, change.password, change.address
    )
    passwords.limits.count_mail_request(change.address)
    mail = Mail(
        MailKind.CHANGE_EMAIL, email, canonical=name, user_id=account.id, locale=change.locale
    )
    may_mail = passwords.limits.may_mail(mail.kind, name)
    with db.begin() as tx:
        # A second factor may have been added during the hash. Nothing is written yet.
        require_level(subject, lock_proven(tx, account, subject.sid))
        mails.post(tx, mail if may_mail else for_nobody(mail))
