"""An operator ends sessions, factors, or the whole account."""

from authapi.db import factors, sessions, users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.errors import NotFound
from authapi.services.accounts.administration.operator import COMMAND_LINE, Operator, require_id
from authapi.services.accounts.deletion import remove
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import EventType
from authapi.services.mail.messages import Mail, MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions

REASON = RevokedReason.SIGNED_OUT_BY_OPERATOR


def sign_out_user(db: Database, user_id: str, operator: Operator = COMMAND_LINE) -> int:
    """Revoke every session of the user. Return how many: see follow_up."""
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        stop = stop_sessions(tx, user_id, REASON)
        operator.tell_signed_out(tx, account, REASON)
        operator.record(tx, EventType.ALL_SESSIONS_REVOKED, user_id, reason=REASON.value)
    return follow_up(db, stop)


def end_session_of(db: Database, user_id: str, sid: str, operator: Operator = COMMAND_LINE) -> None:
    """Revoke one session of the user. Raises NotFound unless it is the user's and in force."""
    require_id(sid)
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        if not sessions.revoke_own(tx, user_id, sid, REASON):
            raise NotFound  # nothing is written
        details = {"changes": ["session_ended"]}
        operator.tell(tx, account, MailKind.ACCOUNT_CHANGED, details)
        reason = REASON.value
        operator.record(tx, EventType.SESSIONS_REVOKED, user_id, sids=[sid], reason=reason)


def reset_factors(db: Database, user_id: str, operator: Operator = COMMAND_LINE) -> int:
    """Remove every factor but the password, and revoke every session: somebody has lost them all.

    Return how many sessions: see follow_up. A log-in that waits for a second factor ends, too.
    """
    reason = RevokedReason.FACTORS_RESET
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        removed = factors.remove_all(tx, user_id)
        users.end_proofs(tx, user_id)
        stop = stop_sessions(tx, user_id, reason)
        operator.tell_signed_out(tx, account, reason)
        operator.record(tx, EventType.FACTORS_RESET, user_id, removed=removed)
    return follow_up(db, stop)


def delete_user(
    db: Database, usernames: Usernames, user_id: str, operator: Operator = COMMAND_LINE
) -> int:
    """Delete the account, and revoke every session. Return how many: see follow_up.

    The mail that tells it is no account's: it is the last thing that is kept of the address, until
    it is sent. Raises NotFound, LastAdministrator, InsufficientScope.
    """
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        operator.require_one_left(tx, account)
        stop = remove(tx, usernames, account)
        operator.record(tx, EventType.ACCOUNT_DELETED, user_id)
        if operator.mails:
            told = Mail(MailKind.ACCOUNT_DELETED, account.email, locale=operator.locale)
            operator.mails.post(tx, told)
    return follow_up(db, stop)
