"""An operator changes an account: one transaction, whatever is changed.

| change                | ends every session | other effects                                       |
| --------------------- | ------------------ | --------------------------------------------------- |
| disabled              | yes                | links of mails end; not the last administrator      |
| enabled               |                    |                                                     |
| scopes                |                    | access tokens of before are refused; not the last   |
|                       |                    | administrator's                                     |
| address               | yes                | unverified unless it is said to be; every link ends |
| not verified          |                    | with LOGIN_NEEDS_VERIFIED_EMAIL not the last        |
|                       |                    | administrator's, nor another unverified address     |
| verified              |                    |                                                     |
| username              |                    | the old one rests                                   |

What is already as wanted changes nothing: no event, no mail.
"""

from dataclasses import dataclass, field

from authapi.db import links, sessions, users
from authapi.db.administrators import ADMIN
from authapi.db.database import Database, Transaction
from authapi.db.links import Purpose
from authapi.db.models import RevokedReason
from authapi.db.sessions import BATCH_ROWS
from authapi.db.users import Account
from authapi.errors import AlreadyRegistered, UsernameTaken
from authapi.services.accounts.administration.operator import COMMAND_LINE, Operator
from authapi.services.accounts.names import canonical_email, parse_email, parse_username
from authapi.services.accounts.profile import rename
from authapi.services.accounts.scopes import require_grantable
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import EventType
from authapi.services.mail.mails import end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions


@dataclass(frozen=True, slots=True)
class Rename:
    """Another username as typed, None to have none."""

    usernames: Usernames
    typed: str | None


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be changed. None leaves it as it is."""

    is_disabled: bool | None = None
    scopes: str | None = None
    email: str | None = None
    is_verified: bool | None = None
    rename: Rename | None = None

    def require_valid(self) -> None:
        """Raise InvalidField."""
        if self.scopes is not None:
            require_grantable(self.scopes)
        if self.email is not None:
            parse_email(self.email)
        if self.rename and self.rename.typed is not None:
            parse_username(self.rename.typed)

    def shuts_out(self, account: Account, *, needs_verified_email: bool) -> bool:
        """Return whether who has this account could administer no more."""
        takes_scope = self.scopes is not None and ADMIN not in self.scopes.split()
        unverifies = needs_verified_email and not self._leaves_verified(account)
        return bool(self.is_disabled) or takes_scope or unverifies

    def _leaves_verified(self, account: Account) -> bool:
        is_moved = self.email not in (None, account.email)
        return bool(self.is_verified) if is_moved else self.is_verified is not False


@dataclass(frozen=True, slots=True)
class Changed:
    """How many sessions ended (see follow_up), and how many have to refresh."""

    ended: int = 0
    reissued: int = 0


@dataclass(slots=True)
class _Changing:
    """A change under way: the locked account, why its sessions end, and what a mail tells."""

    tx: Transaction
    operator: Operator
    account: Account
    ends_by: RevokedReason | None = None
    told: list[str] = field(default_factory=list)

    def record(self, kind: EventType, **details: object) -> None:
        self.operator.record(self.tx, kind, self.account.id, **details)


def change_user(
    db: Database, user_id: str, change: Change, operator: Operator = COMMAND_LINE
) -> Changed:
    """Change the account; all of it, or nothing.

    Raises NotFound, InvalidField, AlreadyRegistered, UsernameTaken, LastAdministrator,
    InsufficientScope.
    """
    change.require_valid()
    stop, reissued = None, 0
    with db.begin() as tx:
        account = operator.lock(tx, user_id)
        changing = _Changing(tx, operator, account)
        if change.shuts_out(account, needs_verified_email=operator.needs_verified_email):
            operator.require_one_left(tx, account)
        for step in (_rename, _set_address, _set_scopes, _set_state):
            step(changing, change)
        if changing.told:
            details = {"changes": changing.told}
            operator.tell(tx, account, MailKind.ACCOUNT_CHANGED, details)
        if changing.ends_by:
            stop = stop_sessions(tx, user_id, changing.ends_by)
            operator.tell_signed_out(tx, account, changing.ends_by)
        elif change.scopes is not None:
            reissued = sessions.reissue(tx, user_id, change.scopes)
    if reissued == BATCH_ROWS:
        reissued += _reissue_others(db, user_id, change.scopes or "")
    return Changed(follow_up(db, stop) if stop else 0, reissued)


def _set_state(changing: _Changing, change: Change) -> None:
    is_disabled = changing.account.disabled_at is not None
    if change.is_disabled is None or change.is_disabled == is_disabled:
        return
    if is_disabled:
        users.enable(changing.tx, changing.account.id)
        changing.record(EventType.USER_ENABLED)
        changing.told.append("enabled")
        return
    users.disable(changing.tx, changing.account.id)
    end_links(changing.tx, changing.account.id)
    changing.record(EventType.USER_DISABLED)
    changing.ends_by = RevokedReason.ACCOUNT_DISABLED


def _set_scopes(changing: _Changing, change: Change) -> None:
    if change.scopes is not None and change.scopes != changing.account.scopes:
        users.set_scopes(changing.tx, changing.account.id, change.scopes)
        changing.record(EventType.SCOPES_CHANGED, scopes=change.scopes)
        changing.told.append("scopes")


def _set_address(changing: _Changing, change: Change) -> None:
    tx, account = changing.tx, changing.account
    if change.email is None or change.email == account.email:
        _set_verified(changing, change)
        return
    name = canonical_email(change.email)
    if links.is_kept_for_another(tx, name, account.id):
        raise AlreadyRegistered
    try:
        is_verified = bool(change.is_verified)
        users.set_email(tx, account.id, change.email, name, is_verified=is_verified)
    except users.AlreadyTakenError:
        raise AlreadyRegistered from None
    users.end_proofs(tx, account.id)
    end_links(tx, account.id, tuple(Purpose))
    changing.record(EventType.EMAIL_CHANGED)
    changing.ends_by = RevokedReason.EMAIL_CHANGED


def _set_verified(changing: _Changing, change: Change) -> None:
    account, is_verified = changing.account, change.is_verified
    if is_verified is None or is_verified == (account.email_verified_at is not None):
        return
    users.set_verified(changing.tx, account.id, is_verified=is_verified)
    changing.record(EventType.EMAIL_VERIFIED if is_verified else EventType.EMAIL_UNVERIFIED)
    changing.told.append("email_verified" if is_verified else "email_unverified")


def _rename(changing: _Changing, change: Change) -> None:
    wanted = change.rename
    if wanted is None or wanted.typed == changing.account.username:
        return
    try:
        rename(changing.tx, wanted.usernames, changing.account, wanted.typed)
    except users.AlreadyTakenError:
        raise UsernameTaken from None
    changing.record(EventType.USERNAME_CHANGED)
    changing.told.append("username")


def _reissue_others(db: Database, user_id: str, scopes: str) -> int:
    """Go on after a first batch, if it was a full one. Repeat a call that failed."""
    total, batch = 0, BATCH_ROWS
    while batch == BATCH_ROWS:  # each has the time of a statement
        with db.begin() as tx:
            account = users.lock(tx, user_id)
            is_as_wanted = account is not None and account.scopes == scopes
            batch = sessions.reissue(tx, user_id, scopes) if is_as_wanted else 0
        total += batch
    return total


def disable_user(db: Database, user_id: str, operator: Operator = COMMAND_LINE) -> int:
    """Refuse log-ins from now on, and revoke every session. Return how many: see follow_up."""
    return change_user(db, user_id, Change(is_disabled=True), operator).ended


def enable_user(db: Database, user_id: str, operator: Operator = COMMAND_LINE) -> None:
    """Let the account log in again."""
    change_user(db, user_id, Change(is_disabled=False), operator)


def change_scopes(
    db: Database, user_id: str, scopes: str, operator: Operator = COMMAND_LINE
) -> int:
    """Give the user other scopes. Return how many sessions have to refresh before they go on.

    Access tokens from before are refused as quickly as revoked ones. Raises InvalidField.
    """
    return change_user(db, user_id, Change(scopes=scopes), operator).reissued


def set_email(
    db: Database, user_id: str, email: str, *, is_verified: bool, operator: Operator = COMMAND_LINE
) -> int:
    """Give the account another address, and revoke every session. Return how many: see follow_up.

    The mail that tells it goes to the address of before. Raises InvalidField; AlreadyRegistered for
    another account's address, and for one that is kept for an undo.
    """
    change = Change(email=email, is_verified=is_verified)
    return change_user(db, user_id, change, operator).ended
