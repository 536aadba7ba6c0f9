"""Who is an administrator, and the rule that one is left.

| scope           | opens                                               |
| --------------- | --------------------------------------------------- |
| `authapi:admin` | everything under `/admin`                           |
| `authapi:audit` | what reads under `/admin`                           |
| any other       | nothing there; an application's own `admin` neither |

An administrator and the command line give these scopes, and nobody else. A disabled account is no
administrator's. Where LOGIN_NEEDS_VERIFIED_EMAIL is on, one whose address is not verified is not
the one that is left.
"""

from authapi.db import administrators
from authapi.db.administrators import ADMIN
from authapi.db.database import Transaction
from authapi.db.users import Account
from authapi.errors import InsufficientScope, LastAdministrator
from authapi.services.accounts.freshness import require_fresh_login
from authapi.verifier import Claims

AUDIT = "authapi:audit"
OWN_SCOPES = frozenset({ADMIN, AUDIT})


def require_auditor(subject: Claims) -> None:
    """Raise InsufficientScope for a subject who may not read under `/admin`."""
    if OWN_SCOPES.isdisjoint(subject.scopes):
        raise InsufficientScope((AUDIT,))


def require_administrator(subject: Claims, *, now: float) -> None:
    """Raise InsufficientScope, or InsufficientUserAuthentication for a log-in that is not fresh."""
    if ADMIN not in subject.scopes:
        raise InsufficientScope((ADMIN,))
    require_fresh_login(subject, now=now)


def is_administrator(account: Account) -> bool:
    return account.disabled_at is None and ADMIN in account.scopes.split()


def require_another(tx: Transaction, account: Account, *, needs_verified_email: bool) -> None:
    """Raise LastAdministrator if nobody else is one who can log in.

    The caller holds the account's lock. Call it before an account stops to be an administrator's,
    in the same transaction. Of two calls the second waits for the commit of the first: see
    db/administrators.
    """
    if is_administrator(account):
        administrators.take_turn(tx)
        if not administrators.is_another(tx, account.id, is_verified=needs_verified_email):
            raise LastAdministrator
