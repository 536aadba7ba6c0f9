"""An operator sets a password, or has the user choose one."""

from authapi.crypto.passwords import PasswordHasher
from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.errors import AccountDisabled, NotFound, RateLimited
from authapi.services.accounts.administration.operator import COMMAND_LINE, Operator
from authapi.services.accounts.administration.reading import get_user
from authapi.services.accounts.hashing import hash_here
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.events.catalogue import EventType
from authapi.services.limits.rate_limits import LATE_MAIL_SECONDS, RateLimits
from authapi.services.mail.mails import end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions

COUNTED_AS = "administration"  # apart from the mails that anybody asks for


def set_password(
    db: Database,
    hasher: PasswordHasher,
    user_id: str,
    password: str,
    operator: Operator = COMMAND_LINE,
) -> int:
    """Give the account another password, and revoke every session. Return how many: see follow_up.

    Raises InvalidField, PasswordCheckUnavailable.
    """
    with db.connect() as connection:
        account = users.find(connection, user_id)
    if account is None:
        raise NotFound
    require_acceptable_password(
        password, field="password", email=account.email, username=account.username
    )
    if operator.breached:
        hash_here(operator.breached.require_unbreached(password, "password"))
    password_hash = hasher.hash(password)
    reason = RevokedReason.PASSWORD_CHANGED
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        users.set_password(tx, user_id, password_hash)
        end_links(tx, user_id)
        stop = stop_sessions(tx, user_id, reason)
        operator.tell_signed_out(tx, account, reason)
        operator.record(tx, EventType.PASSWORD_CHANGED, user_id)
    return follow_up(db, stop)


def mail_reset(db: Database, limits: RateLimits, user_id: str, operator: Operator) -> None:
    """Post the mail of `/password/forgot` to the user. The password stays good until it is used.

    Raises NotFound, RateLimited, InsufficientScope; AccountDisabled, whose links open nothing.
    """
    found = get_user(db, user_id)
    require_mail_within_limits(limits, canonical_email(found.email))
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        if account.disabled_at is not None:
            raise AccountDisabled
        operator.post_link(tx, MailKind.RESET_PASSWORD, account, operator.locale)
        operator.record(tx, EventType.PASSWORD_RESET_MAILED, user_id)


def require_mail_within_limits(limits: RateLimits, email_canonical: str) -> None:
    """Raise RateLimited if administrators have sent this address its mails of the hour."""
    if not limits.may_mail(COUNTED_AS, email_canonical):
        raise RateLimited(LATE_MAIL_SECONDS)
