"""Another e-mail address for an account: asked for, done when the new mailbox answers, undone.

| the address that is asked for | mail                                                            |
| ----------------------------- | --------------------------------------------------------------- |
| free                          | to it: a link and a code; email_verification makes the change   |
| the account's own             | the same: it is verified                                        |
| another account's             | to that account: somebody asked for its address                 |
| kept for another account      | to nobody                                                       |
"""

from dataclasses import dataclass, field

from authapi.db import links, users
from authapi.db.database import Database
from authapi.db.links import Purpose
from authapi.db.models import RevokedReason
from authapi.errors import InvalidLink
from authapi.services.accounts.freshness import require_fresh_if_strong
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.mail_request import for_nobody
from authapi.services.accounts.names import canonical_email, parse_email
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.services.mail.links import Proof, use_up
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import Mail, MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions
from authapi.verifier import Claims

ENDED = (Purpose.CHANGE, Purpose.RESET, Purpose.VERIFY)


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
        lock_proven(tx, account)
        # The same statements for each address: time must not tell what it is.
        owner = users.find_by_email(tx, name)
        is_kept = links.is_kept_for_another(tx, name, account.id)
        if owner is not None and owner.id != account.id:
            mail = Mail(MailKind.EMAIL_TAKEN, owner.email, user_id=owner.id, locale=change.locale)
        elif is_kept:
            mail = for_nobody(mail)
        mails.post(tx, mail if may_mail else for_nobody(mail))


def undo_change(db: Database, mails: Mails, limits: RateLimits, proof: Proof, address: str) -> None:
    """Give the account its old address back, verified, and end every session.

    Raises RateLimited; InvalidLink. The undo links of earlier changes stay: the owner may have to
    go back two steps. Those of later ones end: a thief who changed the address twice has one.
    """
    with limits.proof_attempt(address):
        _undo(db, mails, proof, address)


def _undo(db: Database, mails: Mails, proof: Proof, address: str) -> None:
    link = mails.links.find(db, proof, links.UNDOS)
    try:
        with db.begin() as tx:
            account = use_up(tx, link)
            users.set_email(tx, account.id, link.email, link.email_canonical)
            users.end_proofs(tx, account.id)
            end_links(tx, account.id, ENDED)
            links.end_later_undos(tx, link)
            stop = stop_sessions(tx, account.id, RevokedReason.EMAIL_CHANGE_UNDONE)
            fields = {"user_id": account.id, "ip": address}
            record(tx, Event(EventType.EMAIL_CHANGE_UNDONE, fields))
    except users.AlreadyTakenError:
        raise InvalidLink from None
    follow_up(db, stop)
