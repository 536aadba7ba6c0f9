"""A user changes the own password."""

from dataclasses import dataclass, field, replace

from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import RevokedReason
from authapi.db.users import Account
from authapi.errors import InsufficientUserAuthentication
from authapi.services.accounts.devices import Device
from authapi.services.accounts.freshness import MAX_AGE_SECONDS, require_fresh_if_strong
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.notices import Notice, post_notice
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.passwords import Passwords, lock_proven, require_password
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.steps import AAL2, BY_PASSWORD
from authapi.services.mail.mails import Mails, end_links
from authapi.services.mail.messages import MailKind
from authapi.services.revocation.stopping import follow_up, stop_sessions
from authapi.services.sessions.before import read_session
from authapi.services.sessions.opening import Opening, add_session, issue, require_verified
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class PasswordChange:
    """The passwords as typed, who asks, and from where."""

    current: str = field(repr=False)
    new: str = field(repr=False)
    subject: Claims
    device: Device
    locale: str  # of the notice


def change_password(
    db: Database, mails: Mails, passwords: Passwords, tokens: TokenIssuer, change: PasswordChange
) -> Hashing[TokenPair | SessionTicket]:
    """Store a new password, revoke every session, and return the tokens of a new one.

    The caller's session ends too: it may be the one that was copied. The new one has its transport.
    Raises what `require_fresh_if_strong` and `require_password` raise, EmailNotVerified, and
    InvalidField for the new password.
    """
    require_fresh_if_strong(db, change.subject)
    user_id, address = change.subject.sub, change.device.address
    account = yield from require_password(db, passwords, user_id, change.current, address)
    require_acceptable_password(
        change.new, field="new_password", email=account.email, username=account.username
    )
    yield from passwords.breached.require_unbreached(change.new, "new_password")
    new_hash = yield from passwords.hash(change.new)
    opening = _opening(db, account, change)
    with db.begin() as tx:
        current = lock_proven(tx, account, change.subject.sid)
        require_verified(tokens, current)
        # A second factor was added meanwhile, or its proof is too old by now: nothing is written.
        if replace(opening, account=current).needs_second_factor:
            raise InsufficientUserAuthentication(MAX_AGE_SECONDS, acr=AAL2)
        users.set_password(tx, user_id, new_hash)
        end_links(tx, user_id)
        stop = stop_sessions(tx, user_id, RevokedReason.PASSWORD_CHANGED)
        opened = add_session(tx, tokens, opening)
        assert opened is not None  # its account is locked
        fields = {"user_id": user_id, "sid": opened.session.sid, "ip": address}
        record(tx, Event(EventType.PASSWORD_CHANGED, fields))
        passwords.known_addresses.remember_owner(tx, opening.account, change.device)
        told = {"device": change.device.for_mail()}
        post_notice(tx, mails, account, Notice(MailKind.PASSWORD_CHANGED, change.locale, told))
    follow_up(db, stop)
    return issue(tokens, opening, opened)


def _opening(db: Database, account: Account, change: PasswordChange) -> Opening:
    before = read_session(db, change.subject.sid)
    changed = replace(account, version=account.version + 1)
    return Opening(
        changed,
        before.transport,
        change.device,
        proven=BY_PASSWORD.after(before.proven),
        was_let=before.proven.has_second,
        remember=before.remember,
    )
