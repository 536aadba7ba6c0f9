"""What the operator does to accounts, from the command line."""

from collections.abc import Sequence

import structlog

from authapi.db import sessions, users
from authapi.db.database import Database
from authapi.db.models import User
from authapi.errors import CommandError
from authapi.services.accounts.names import canonical
from authapi.services.accounts.scopes import require_grantable

log = structlog.get_logger()


def list_users(db: Database) -> Sequence[User]:
    with db.autocommit() as tx:
        return users.list_all(tx)


def disable_user(db: Database, email: str) -> int:
    """No log-in from now on, and none of the sessions goes on. How many were revoked."""
    user = _get(db, email)
    with db.begin() as tx:
        users.lock(tx, user.id)
        users.disable(tx, user.id)
        revoked = sessions.revoke_all(tx, user.id, "account_disabled")
    log.info("user_disabled", user_id=user.id, sids=list(revoked))
    return len(revoked)


def change_scopes(db: Database, email: str, scopes: str) -> int:
    """Give the user other scopes; how many sessions have to refresh before they may go on.

    Their tokens from before are refused as quickly as revoked ones: what they say is not true
    any more. Raises InvalidField for more scopes than a token may carry.
    """
    require_grantable(scopes)
    user = _get(db, email)
    with db.begin() as tx:
        users.lock(tx, user.id)
        users.set_scopes(tx, user.id, scopes)
        reissued = sessions.reissue_all(tx, user.id, scopes)
    log.info("scopes_changed", user_id=user.id, scopes=scopes)
    return len(reissued)


def enable_user(db: Database, email: str) -> None:
    user = _get(db, email)
    with db.begin() as tx:
        users.enable(tx, user.id)
    log.info("user_enabled", user_id=user.id)


def sign_out_user(db: Database, email: str) -> int:
    """How many sessions were revoked."""
    user = _get(db, email)
    with db.begin() as tx:
        users.lock(tx, user.id)
        revoked = sessions.revoke_all(tx, user.id, "signed_out_by_operator")
    log.info("sessions_revoked", sids=list(revoked), reason="signed_out_by_operator")
    return len(revoked)


def _get(db: Database, email: str) -> User:
    # Arguments may hold bytes that are no UTF-8, and no address does: no database takes them.
    name = canonical(email.encode(errors="replace").decode())
    with db.autocommit() as tx:
        user = users.find_by_email(tx, name)
    if user is None:
        raise CommandError(f"There is no user with the e-mail address {email!r}.")
    return user
