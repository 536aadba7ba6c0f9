"""Log-in by a passkey with user verification: two factors, and no name or password.

An unknown credential, a bad assertion and a disabled account get one refusal.
"""

from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass

from authapi.crypto.challenges import LOG_IN
from authapi.db import passkeys, users
from authapi.db.database import Database
from authapi.db.models import Transport
from authapi.db.users import Account
from authapi.errors import InvalidCode, InvalidCredentials
from authapi.services.accounts.devices import Device
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.accounts.passwords import Passwords
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.factors.passkey_ceremonies import RelyingParty
from authapi.services.factors.passkeys import Answer, prove
from authapi.services.sessions.opening import Opening, open_session
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair

REFUSED = "This passkey opens no account."


@dataclass(frozen=True, slots=True)
class PasskeyLogin:
    """An answered challenge, who asked for it, and the session that is wanted: see Opening."""

    rp: RelyingParty
    answer: Answer
    transport: Transport
    device: Device
    came_with: Collection[str] = ()
    remember: bool = True
    notice: NewDeviceNotice | None = None


def log_in_by_passkey(
    db: Database, passwords: Passwords, tokens: TokenIssuer, attempt: PasskeyLogin
) -> TokenPair | SessionTicket:
    """Open a session and return its tokens. A bad answer counts with the failed log-ins.

    Raises InvalidCredentials, InvalidSession, RateLimited, EmailNotVerified.
    """
    credential_id = attempt.answer.credential["id"]
    with passwords.attempt(attempt.device.address) as count_for:
        account = _find_account(db, credential_id)
        user_id = account.id if account else None
        count_for(user_id, credential_id)
        opened = None
        with suppress(InvalidCode):
            proven = prove(db, attempt.rp, user_id or "", attempt.answer, LOG_IN)
            if account:
                wanted = Opening(
                    account,
                    attempt.transport,
                    attempt.device,
                    attempt.came_with,
                    proven=proven,
                    notice=attempt.notice,
                    remember=attempt.remember,
                )
                opened = open_session(db, tokens, wanted)
        if opened is None:
            fields = {"user_id": user_id, "ip": attempt.device.address}
            tell(Event(EventType.LOGIN_FAILED, fields))
            raise InvalidCredentials(REFUSED)
    return opened


def _find_account(db: Database, credential_id: str) -> Account | None:
    with db.connect() as connection:
        passkey = passkeys.find(connection, credential_id)
        return users.find(connection, passkey.user_id) if passkey else None
