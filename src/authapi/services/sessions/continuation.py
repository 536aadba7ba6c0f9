"""The second step of a log-in: a password was right, and a second factor comes.

| the auth_session                                               | then                          |
| -------------------------------------------------------------- | ----------------------------- |
| unknown, expired, used, with five failures                     | InvalidSession                |
| of an account that has another version, is disabled or is gone | InvalidSession                |
| of an account that LOGIN_NEEDS_VERIFIED_EMAIL lets not in      | EmailNotVerified, and it ends |
| of `POST /reauth`, whose session has ended                     | InvalidSession                |
| any other, with a wrong factor                                 | InvalidCode, and a try less   |
| any other                                                      | what the log-in had answered  |

Each failure counts with the wrong passwords too: who knows the password can begin again, and has no
more guesses by it.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from authapi.db import auth_sessions, users
from authapi.db.auth_sessions import Waiting
from authapi.db.database import Database
from authapi.db.models import Transport
from authapi.db.users import Account
from authapi.errors import InvalidSession, InvalidToken
from authapi.services.accounts.devices import Device
from authapi.services.accounts.notices import NewDeviceNotice
from authapi.services.accounts.passwords import Passwords
from authapi.services.factors.auth_sessions import MOST_FAILURES, digest_of
from authapi.services.factors.proving import prove
from authapi.services.factors.sent import SentFactor
from authapi.services.factors.steps import Proven
from authapi.services.sessions.opening import Opening, open_session
from authapi.services.sessions.reauthentication import take_place
from authapi.services.sessions.token_issue import SessionTicket, TokenIssuer, TokenPair


@dataclass(frozen=True, slots=True)
class Continuation:
    """An `auth_session` and a factor. `came_with` and `notice`: see Opening.

    `require_allowed` raises CsrfFailed for a transport that the request may not ask for.
    """

    auth_session: str = field(repr=False)
    sent: SentFactor
    device: Device
    require_allowed: Callable[[str], None]
    came_with: Collection[str] = ()
    notice: NewDeviceNotice | None = None


def continue_log_in(
    db: Database, passwords: Passwords, tokens: TokenIssuer, continuation: Continuation
) -> TokenPair | SessionTicket:
    """Return the tokens of the session that the log-in asked for.

    Raises InvalidSession, InvalidCode, RateLimited, CsrfFailed, EmailNotVerified, and InvalidTarget
    for a service that has left the setting.
    """
    device = continuation.device
    with passwords.attempt(device.address, is_second_step=True) as count_for:
        waiting, account = _get(db, digest_of(continuation.auth_session))
        continuation.require_allowed(waiting.transport)
        count_for(account.id, account.email)
        _take_a_try(db, waiting)
        sent = continuation.sent
        with passwords.code_attempt(account.id, device.address, is_guessable=sent.is_guessable):
            proven = prove(db, tokens.settings, account, sent, device.address)
        opening = Opening(
            account,
            Transport(waiting.transport),
            device,
            {*waiting.came_with.split(), *continuation.came_with},
            proven=Proven.read(waiting.amr) | proven,
            notice=continuation.notice,
            remember=waiting.remember,
        )
        return _open(db, tokens, waiting, opening)


def _get(db: Database, digest: str) -> tuple[Waiting, Account]:
    with db.connect() as connection:
        waiting = auth_sessions.find(connection, digest, MOST_FAILURES)
        account = users.find(connection, waiting.user_id) if waiting else None
    # Compared again: it may have changed between the two statements.
    if waiting is None or account is None or account.version != waiting.account_version:
        raise InvalidSession
    return waiting, account


def _take_a_try(db: Database, waiting: Waiting) -> None:
    with db.begin() as tx:
        is_left = auth_sessions.count_failure(tx, waiting.digest, MOST_FAILURES)
    if not is_left:
        raise InvalidSession


def _open(
    db: Database, tokens: TokenIssuer, waiting: Waiting, opening: Opening
) -> TokenPair | SessionTicket:
    issuer = tokens.for_resource(waiting.resource, opening.transport)
    with db.begin() as tx:
        is_first = auth_sessions.use(tx, waiting.digest)
    opened = None
    if is_first and waiting.replaces is None:
        opened = open_session(db, issuer, opening)
    elif is_first and waiting.replaces:
        try:
            opened = take_place(db, issuer, opening, waiting.replaces)
        except InvalidToken as error:
            raise InvalidSession from error
    if opened is None:
        raise InvalidSession
    return opened
