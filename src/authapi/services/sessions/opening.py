"""Opens sessions, for every proof of identity. Nothing else opens one.

A log-in always makes a new session, and revokes those that came with it (ASVS 7.2.4). The account's
version is read before the proof: a password change or a disabling meanwhile wins. Past MAX_SESSIONS
the session that was unused longest ends (ASVS 7.1.2).
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from authapi.crypto.ids import new_id
from authapi.crypto.session_ids import SessionId, new_session_id
from authapi.db import factors, sessions, users
from authapi.db.database import Database, Transaction
from authapi.db.models import RevokedReason, Transport
from authapi.db.sessions import LockedSession, NewSession
from authapi.db.users import Account
from authapi.errors import EmailNotVerified, Unavailable
from authapi.services.accounts.devices import Device, KnownAddresses
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.factors.steps import BY_PASSWORD, Proven
from authapi.services.sessions.second_step import await_second_factor
from authapi.services.sessions.surplus import end_surplus
from authapi.services.sessions.token_issue import CLIENT_ID, SessionTicket, TokenIssuer, TokenPair


@dataclass(frozen=True, slots=True)
class Opening:
    """A session that is wanted.

    `account` was read before the proof of identity, which is `proven`. `came_with` are the
    sids of genuine credentials in the request. `upgraded_hash`: a stronger one of this password.
    `remember` is false for a session that ends with the browser, and after a day unused. One that
    replaces another takes over the other's. `used_factor` is noted as used now. `notice` is posted
    after a log-in from a new device. `was_let`: the session before had a second factor, which may
    be too old to be handed on. That lets a session begin, and proves nothing of it.
    """

    account: Account
    transport: Transport
    device: Device
    came_with: Collection[str] = ()
    upgraded_hash: str | None = None
    proven: Proven = BY_PASSWORD
    used_factor: str | None = None
    notice: NewDeviceNotice | None = None
    was_let: bool = False
    remember: bool = field(kw_only=True)

    @property
    def has_second_factor(self) -> bool:
        """Return whether a second factor was proven, now or before."""
        return self.proven.has_second or self.was_let

    @property
    def needs_second_factor(self) -> bool:
        """Return whether the account has a second factor and none was proven."""
        return bool(self.account.second_factors) and not self.has_second_factor


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """A new session's row, and its id with the secret of transport `session`."""

    session: LockedSession
    session_id: SessionId


def open_session(
    db: Database, tokens: TokenIssuer, opening: Opening
) -> TokenPair | SessionTicket | None:
    """Return the transport's tokens of a new session.

    None, and no effect, if the account is disabled, or has changed since its identity was proven.
    Raises EmailNotVerified by its setting, and InsufficientAuthorization if the account has a
    second factor and none was proven.
    """
    if opening.account.disabled_at is not None:
        return None
    require_verified(tokens, opening.account)
    if opening.needs_second_factor:
        await_second_factor(db, tokens, opening)
        return None
    session_id = new_session_id(new_id())
    known = KnownAddresses(db, tokens.settings.secrets)
    session = _add(db, known, opening, _new_session(tokens, opening, session_id))
    if session is None:
        return None
    with suppress(Unavailable):  # the session is there, and the next log-in counts again
        end_surplus(db, session, tokens.settings.max_sessions)
    return issue(tokens, opening, OpenedSession(session, session_id))


def require_verified(tokens: TokenIssuer, account: Account) -> None:
    """Raise EmailNotVerified for who may not log in, by the setting LOGIN_NEEDS_VERIFIED_EMAIL."""
    if tokens.settings.login_needs_verified_email and account.email_verified_at is None:
        raise EmailNotVerified


def add_session(tx: Transaction, tokens: TokenIssuer, opening: Opening) -> OpenedSession | None:
    """Add a session in a transaction of more than a log-in. After the commit, `issue` its tokens.

    None, and no effect, if the account has changed since its identity was proven. The caller asks
    `require_verified` of the locked account.
    """
    session_id = new_session_id(new_id())
    session = sessions.add(tx, _new_session(tokens, opening, session_id))
    return OpenedSession(session, session_id) if session else None


def issue(
    tokens: TokenIssuer, opening: Opening, opened: OpenedSession
) -> TokenPair | SessionTicket:
    """Return the transport's tokens of a session that was just opened."""
    if opening.transport is Transport.SESSION:
        return tokens.issue_ticket(opened.session, opened.session_id)
    return tokens.issue_pair(opened.session, refresh_jti=new_id(), parent=opened.session.sid)


def _new_session(tokens: TokenIssuer, opening: Opening, session_id: SessionId) -> NewSession:
    return NewSession(
        sid=session_id.sid,
        user_id=opening.account.id,
        account_version=opening.account.version,
        transport=opening.transport,
        idle_ttl=tokens.settings.refresh_idle_ttl,
        session_ttl=tokens.settings.session_ttl,
        user_agent=opening.device.user_agent,
        ip=opening.device.address,
        secret_digest=session_id.digest if opening.transport is Transport.SESSION else None,
        amr=opening.proven.amr,
        has_second_factor=opening.has_second_factor,
        needs_verified_email=tokens.settings.login_needs_verified_email,
        client_id=CLIENT_ID,
        remember=opening.remember,
    )


def _add(
    db: Database, known: KnownAddresses, opening: Opening, new: NewSession
) -> LockedSession | None:
    with db.begin() as tx:
        session = sessions.add(tx, new)
        if session is not None:
            _write_the_rest(tx, opening)
            fields: dict[str, object] = {"user_id": new.user_id, "sid": new.sid, "ip": new.ip}
            fields["user_agent"] = new.user_agent
            if known.note_log_in(tx, opening.account, opening.device):
                fields["new_device"] = True
                if opening.notice:
                    opening.notice.post(tx, opening.account, opening.device)
            record(tx, Event(EventType.LOGIN_SUCCEEDED, fields))
    return session


def _write_the_rest(tx: Transaction, opening: Opening) -> None:
    if opening.upgraded_hash:
        users.upgrade_hash(tx, opening.account, opening.upgraded_hash)
    if opening.used_factor:
        factors.touch(tx, opening.used_factor)
    for sid in sorted(opening.came_with):
        sessions.revoke(tx, sid, RevokedReason.NEW_LOGIN)
