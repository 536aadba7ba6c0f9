"""Log-in by password.

An unknown account, a disabled one and a wrong password get one refusal, at one cost. A second hash
is for a registration that may wait, whether or not its address has an account.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import Transport
from authapi.db.users import Account
from authapi.errors import InvalidCredentials, RegistrationWaits
from authapi.services.accounts.confirmation import is_password_of_waiting
from authapi.services.accounts.decoys import Decoys
from authapi.services.accounts.devices import Device
from authapi.services.accounts.hashing import Hashing
from authapi.services.accounts.names import canonical, canonical_email
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.accounts.passwords import Passwords
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import tell
from authapi.services.sessions.opening import Opening, open_session
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """Credentials as typed, with an e-mail address or a username.

    `came_with`, `remember`, `notice`: see Opening.
    """

    email: str | None
    username: str | None
    password: str = field(repr=False)
    transport: Transport
    came_with: Collection[str] = ()
    remember: bool = True
    registrations_wait: bool = False
    notice: NewDeviceNotice | None = None


def log_in(
    db: Database, passwords: Passwords, tokens: TokenIssuer, attempt: LoginAttempt, device: Device
) -> Hashing[TokenPair | SessionTicket]:
    """Open a session and return its tokens. Raises InvalidCredentials, RateLimited.

    Also EmailNotVerified, by the two settings that ask for it, after a right password only.
    """
    with passwords.attempt(device.address) as count_for:
        name, account = _find_account(db, passwords.decoys, attempt)
        count_for(account.id if account else None, name)
        stored = account.password_hash if account else passwords.decoys.for_name(name)
        verified = yield from passwords.verify(attempt.password, stored)
        opened = None
        if account and verified.valid:
            wanted = Opening(
                account,
                attempt.transport,
                device,
                attempt.came_with,
                verified.upgraded_hash,
                notice=attempt.notice,
                remember=attempt.remember,
            )
            opened = open_session(db, tokens, wanted)
        if opened is None:
            waits = attempt.registrations_wait and (
                yield from is_password_of_waiting(db, passwords, name, attempt.password)
            )
            fields = {"user_id": account.id if account else None, "ip": device.address}
            tell(Event(EventType.LOGIN_FAILED, fields))
            raise RegistrationWaits if waits else InvalidCredentials
    return opened


def _find_account(
    db: Database, decoys: Decoys, attempt: LoginAttempt
) -> tuple[str, Account | None]:
    """Return the canonical name and its account.

    OAuth clients send an address as the username, and no username has an `@`.
    """
    typed = attempt.email or attempt.username or ""
    is_address = attempt.email is not None or "@" in canonical(typed)
    find = users.find_by_email if is_address else users.find_by_username
    name = canonical_email(typed) if is_address else canonical(typed)
    with db.connect() as connection:
        decoys.renew(connection)
        return name, find(connection, name)
