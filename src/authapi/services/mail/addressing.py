"""Whom a mail with a link is for, and which one it is: decided when it is sent.

| a stranger asked for | an account has the address      | a registration waits | neither |
| -------------------- | ------------------------------- | -------------------- | ------- |
| confirm_registration | already_registered              | confirm_registration | nobody  |
| verify_email         | verify_email, if it is needed   | confirm_registration | nobody  |
| reset_password       | reset_password                  | nobody               | nobody  |

| an account asked for | another account has the address | it is kept for one   | neither |
| -------------------- | ------------------------------- | -------------------- | ------- |
| change_email         | email_taken                     | nobody               | itself  |

A change of address opens a link of the account that asks in each case, and ends its older one: else
the links, or its export, would tell whose the address is. Nobody has the token of a link that no
mail names.

The account wins. A disabled one gets nothing but already_registered, email_taken and links to undo.
An address that is kept for another account's undo counts as neither. Where registration is closed,
none waits. All other mails name their account.
"""

from dataclasses import replace

from authapi.db import links, outbox, pending_registrations, users
from authapi.db.clock import read_clock
from authapi.db.database import Transaction
from authapi.db.links import StoredLink
from authapi.db.outbox import DueMail
from authapi.db.users import Account
from authapi.services.mail.messages import LINKS, WITHOUT_CODE, Mail, MailKind

CONFIRMING = (MailKind.CONFIRM_REGISTRATION, MailKind.VERIFY_EMAIL)


def address(tx: Transaction, due: DueMail, mail: Mail, *, may_register: bool) -> Mail | None:
    """Open the link of a mail, and return the mail as it is to be written; None for nobody."""
    account = _lock_account(tx, mail)
    waiting = _renew_waiting(tx, due, mail, account) if may_register else None
    if account is None:
        return waiting
    if due.user_id is None:  # a stranger typed the address
        outbox.set_account(tx, due.id, account.id)
    if mail.kind is MailKind.CONFIRM_REGISTRATION:
        return replace(mail, kind=MailKind.ALREADY_REGISTERED, to=account.email)
    is_needless = mail.kind is MailKind.VERIFY_EMAIL and account.email_verified_at is not None
    # A link to undo is mailed once: it must be there when the account is enabled again.
    is_shut_out = account.disabled_at is not None and mail.kind not in WITHOUT_CODE
    if is_shut_out or is_needless:
        return None
    to = mail.to if mail.user_id else account.email
    if not _open_link(tx, due, mail, account.id, to):
        return None
    is_change = mail.kind is MailKind.CHANGE_EMAIL
    return _to_new_address(tx, mail, account.id) if is_change else replace(mail, to=to)


def _to_new_address(tx: Transaction, mail: Mail, user_id: str) -> Mail | None:
    """Return the mail; email_taken if another account has the address; None if it is kept."""
    owner = users.find_by_email(tx, mail.canonical)
    if owner and owner.id != user_id:
        return replace(mail, kind=MailKind.EMAIL_TAKEN, to=owner.email)
    return None if links.is_kept_for_another(tx, mail.canonical, user_id) else mail


def _lock_account(tx: Transaction, mail: Mail) -> Account | None:
    """Lock and return the account that the mail is for; None if it has none, or none any more."""
    user_id = mail.user_id
    if user_id is None:
        known = users.find_by_email(tx, mail.canonical)
        user_id = known.id if known else ""
    return users.lock(tx, user_id)


def _renew_waiting(
    tx: Transaction, due: DueMail, mail: Mail, account: Account | None
) -> Mail | None:
    """Let a registration wait for this mail, and return the mail; None if there is none.

    It waits on for a day also if the address has an account: nobody else may notice.
    """
    if mail.user_id is not None or mail.kind not in CONFIRMING:
        return None
    to = pending_registrations.relink(
        tx, mail.canonical, due.id, due.created_at, is_for_account=account is not None
    )
    if to is None or links.is_kept_for_another(tx, mail.canonical):
        return None
    return replace(mail, kind=MailKind.CONFIRM_REGISTRATION, to=to)


def _open_link(tx: Transaction, due: DueMail, mail: Mail, user_id: str, to: str) -> bool:
    rule = LINKS[mail.kind]
    link = StoredLink(
        id=due.id,
        user_id=user_id,
        purpose=rule.purpose,
        email=to,
        email_canonical=mail.canonical,
        created_at=due.created_at,
        expires_at=read_clock(tx) + rule.seconds,
    )
    return links.open_link(tx, link)
