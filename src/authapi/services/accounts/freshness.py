"""Some changes need a fresh log-in: a session that was copied is not enough (RFC 9470).

| change                                | the log-in                                               |
| ------------------------------------- | -------------------------------------------------------- |
| a factor, the username, /admin        | at most ten minutes ago, and `aal2` if the account has a |
|                                       | second factor                                            |
| the password, the address, a deletion | the same if the account has a second factor, else any    |
| the end of other sessions             | any. The first row by ENDING_SESSIONS_NEEDS_FRESH_LOGIN  |

`POST /reauth` makes one.
"""

from authapi.config import Settings
from authapi.db import sessions, users
from authapi.db.clock import read_clock
from authapi.db.database import Database, Transaction
from authapi.db.users import Account
from authapi.errors import InsufficientUserAuthentication, InvalidToken
from authapi.verifier import Claims
from authapi.verifier.required_log_in import STRONGEST, RequiredLogIn

MAX_AGE_SECONDS = 600


def require_fresh_login(subject: Claims, *, now: float, max_age: int = MAX_AGE_SECONDS) -> None:
    """Raise InsufficientUserAuthentication for a log-in that is over `max_age` seconds old."""
    if not RequiredLogIn(max_age).is_met(subject, now=now):
        raise InsufficientUserAuthentication(max_age)


def require_level(subject: Claims, account: Account) -> None:
    """Raise InsufficientUserAuthentication if the account's second factor was not proven."""
    if account.second_factors and not RequiredLogIn(acr=STRONGEST).is_met(subject, now=0):
        raise InsufficientUserAuthentication(MAX_AGE_SECONDS, acr=STRONGEST)


def require_fresh_if_strong(db: Database, subject: Claims) -> None:
    """Raise InsufficientUserAuthentication where a second factor asks for a fresh log-in with it.

    Raises InvalidToken if the account is gone.
    """
    with db.connect() as connection:
        account, now = users.find(connection, subject.sub), read_clock(connection)
    if account is None:
        raise InvalidToken
    if account.second_factors:
        require_level(subject, account)
        require_fresh_login(subject, now=now)


def lock_fresh(tx: Transaction, subject: Claims) -> Account:
    """Lock the account of a fresh log-in, and return it.

    Raises InsufficientUserAuthentication; InvalidToken too if the session ended since the token was
    verified. Nothing was written yet: to raise inside the block undoes nothing.
    """
    account = users.lock(tx, subject.sub)
    if account is None or account.disabled_at is not None:
        raise InvalidToken
    if not sessions.is_in_force(tx, account.id, subject.sid):
        raise InvalidToken
    require_level(subject, account)
    require_fresh_login(subject, now=read_clock(tx))
    return account


def require_fresh_to_end_sessions(tx: Transaction, settings: Settings, subject: Claims) -> None:
    """Do as `lock_fresh`, by the setting ENDING_SESSIONS_NEEDS_FRESH_LOGIN alone."""
    if settings.ending_sessions_needs_fresh_login:
        lock_fresh(tx, subject)
