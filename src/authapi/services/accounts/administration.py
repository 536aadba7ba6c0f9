"""What an operator does to accounts. A function that takes a user's id may raise NotFound."""

from collections.abc import Sequence
from dataclasses import dataclass

from authapi.crypto.passwords import PasswordHasher
from authapi.db import links, sessions, users
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose
from authapi.db.models import RevokedReason
from authapi.db.sessions import BATCH_ROWS
from authapi.db.users import Account
from authapi.errors import AlreadyRegistered, NotFound
from authapi.services.accounts.breached_passwords import BreachedPasswords
from authapi.services.accounts.deletion import remove
from authapi.services.accounts.hashing import hash_here
from authapi.services.accounts.names import MAX_TYPED_LENGTH, canonical_email, parse_email
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.scopes import require_grantable
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator's command has besides the database. Without `mails` no user is told."""

    mails: Mails | None = None
    breached: BreachedPasswords | None = None

    def tell(self, tx: Transaction, account: Account, reason: RevokedReason) -> None:
        """Post the notice that an operator has ended every session of the account."""
        if self.mails:
            notice = Notice(MailKind.SIGNED_OUT, details={"reason": reason.value})
            post_notice(tx, self.mails, account, notice)


NOTHING = Operator()


def list_users(db: Database) -> Sequence[Account]:
    """Return every account, the oldest first."""
    with db.connect() as connection:
        return users.list_all(connection)


def get_by_email(db: Database, email: str) -> Account:
    """Return the account with that address, or with that id. Raises NotFound.

    The id is for an account whose address another one has in a different spelling: migration 0006.
    """
    # An argument may hold bytes that are no UTF-8. No address does, and no database takes them.
    # None is longer than MAX_EMAIL_LENGTH, either.
    name = email[:MAX_TYPED_LENGTH].encode(errors="replace").decode()
    with db.connect() as connection:
        if "@" in canonical_email(name):
            account = users.find_by_email(connection, canonical_email(name))
        else:
            account = users.find(connection, name)
    if account is None:
        raise NotFound
    return account


def disable_user(db: Database, user_id: str, operator: Operator = NOTHING) -> int:
    """Refuse log-ins from now on, and revoke every session. Return how many: see follow_up."""
    reason = RevokedReason.ACCOUNT_DISABLED
    with db.begin() as tx:
        account = _lock(tx, user_id)
        users.disable(tx, user_id)
        end_links(tx, user_id)
        stop = stop_sessions(tx, user_id, reason)
        operator.tell(tx, account, reason)
        record(tx, Event(EventType.USER_DISABLED, {"user_id": user_id}))
    return follow_up(db, stop)


def enable_user(db: Database, user_id: str) -> None:
    """Let the account log in again."""
    with db.begin() as tx:
        _lock(tx, user_id)
        users.enable(tx, user_id)
        record(tx, Event(EventType.USER_ENABLED, {"user_id": user_id}))


def change_scopes(db: Database, user_id: str, scopes: str) -> int:
    """Give the user other scopes. Return how many sessions have to refresh before they go on.

    Access tokens from before are refused as quickly as revoked ones. Raises InvalidField.
    """
    require_grantable(scopes)
    with db.begin() as tx:
        _lock(tx, user_id)
        users.set_scopes(tx, user_id, scopes)
        reissued = sessions.reissue(tx, user_id, scopes)
        record(tx, Event(EventType.SCOPES_CHANGED, {"user_id": user_id, "scopes": scopes}))
    batch = reissued
    while batch == BATCH_ROWS:  # each has the time of a statement; repeat a call that failed
        batch = _reissue(db, user_id, scopes)
        reissued += batch
    return reissued


def _reissue(db: Database, user_id: str, scopes: str) -> int:
    with db.begin() as tx:
        account = users.lock(tx, user_id)
        if account is None or account.scopes != scopes:
            return 0  # a later change goes on
        return sessions.reissue(tx, user_id, scopes)


def sign_out_user(db: Database, user_id: str, operator: Operator = NOTHING) -> int:
    """Revoke every session of the user. Return how many: see follow_up."""
    reason = RevokedReason.SIGNED_OUT_BY_OPERATOR
    with db.begin() as tx:
        account = _lock(tx, user_id)
        stop = stop_sessions(tx, user_id, reason)
        operator.tell(tx, account, reason)
        fields = {"user_id": user_id, "reason": reason.value}
        record(tx, Event(EventType.ALL_SESSIONS_REVOKED, fields))
    return follow_up(db, stop)


def set_password(
    db: Database,
    hasher: PasswordHasher,
    user_id: str,
    password: str,
    operator: Operator = NOTHING,
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
    with db.begin() as tx:
        account = _lock(tx, user_id)
        users.set_password(tx, user_id, password_hash)
        end_links(tx, user_id)
        stop = stop_sessions(tx, user_id, RevokedReason.PASSWORD_CHANGED)
        operator.tell(tx, account, RevokedReason.PASSWORD_CHANGED)
        record(tx, Event(EventType.PASSWORD_CHANGED, {"user_id": user_id}))
    return follow_up(db, stop)


def set_email(
    db: Database, user_id: str, email: str, *, is_verified: bool, operator: Operator = NOTHING
) -> int:
    """Give the account another address, and revoke every session. Return how many: see follow_up.

    Every link of before ends, also those back to an older address. The mail that tells it goes to
    the address of before. Raises InvalidField; AlreadyRegistered for another account's address, and
    for one that is kept for an undo.
    """
    email = parse_email(email)
    name = canonical_email(email)
    reason = RevokedReason.EMAIL_CHANGED
    try:
        with db.begin() as tx:
            account = _lock(tx, user_id)
            _require_not_kept(tx, name, user_id)
            users.set_email(tx, user_id, email, name, is_verified=is_verified)
            users.end_proofs(tx, user_id)
            end_links(tx, user_id, tuple(Purpose))
            stop = stop_sessions(tx, user_id, reason)
            operator.tell(tx, account, reason)
            record(tx, Event(EventType.EMAIL_CHANGED, {"user_id": user_id}))
    except users.AlreadyTakenError:
        raise AlreadyRegistered from None
    return follow_up(db, stop)


def _require_not_kept(tx: Transaction, name: str, user_id: str) -> None:
    if links.is_kept_for_another(tx, name, user_id):
        raise users.AlreadyTakenError


def delete_user(db: Database, usernames: Usernames, user_id: str) -> int:
    """Delete the account, and revoke every session. Return how many: see follow_up."""
    with db.begin() as tx:
        stop = remove(tx, usernames, _lock(tx, user_id))
    return follow_up(db, stop)


def _lock(tx: Transaction, user_id: str) -> Account:
    account = users.lock(tx, user_id)
    # Nothing was written yet: to raise inside the block undoes nothing.
    if account is None:
        raise NotFound
    return account
