"""A session that is wanted waits for the second factor of its account."""

from typing import TYPE_CHECKING

from authapi.db import users
from authapi.db.auth_sessions import Waiting
from authapi.db.database import Database
from authapi.errors import InsufficientAuthorization
from authapi.services.factors.auth_sessions import digest_of, let_wait, new_auth_session
from authapi.services.sessions.token_issue import TokenIssuer

if TYPE_CHECKING:
    from authapi.services.sessions.opening import Opening


def await_second_factor(
    db: Database, tokens: TokenIssuer, opening: "Opening", *, replaces: str | None = None
) -> InsufficientAuthorization:
    """Let the opening wait for a second factor. Return the refusal that tells the client how.

    `replaces`: the sid of the session that ends when the new one begins.
    """
    auth_session = new_auth_session()
    waiting = Waiting(
        digest=digest_of(auth_session),
        user_id=opening.account.id,
        account_version=opening.account.version,
        amr=opening.proven.amr,
        transport=opening.transport,
        resource=tokens.resource,
        remember=opening.remember,
        came_with=" ".join(sorted(opening.came_with)),
        replaces=replaces,
    )
    if opening.upgraded_hash:
        with db.begin() as tx:
            users.upgrade_hash(tx, opening.account, opening.upgraded_hash)
    return let_wait(db, auth_session, waiting)
