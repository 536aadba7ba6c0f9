"""What users read and change about themselves, but for the password."""

from dataclasses import dataclass, replace

from authapi.db import users
from authapi.db.database import Database, Transaction
from authapi.db.users import Account
from authapi.errors import InvalidToken, UsernameTaken
from authapi.services.accounts.freshness import lock_fresh, require_fresh_login
from authapi.services.accounts.names import canonical, parse_username
from authapi.services.accounts.usernames import Usernames
from authapi.services.events.catalogue import Event, EventType
from authapi.services.events.record import record
from authapi.services.limits.rate_limits import RateLimits
from authapi.verifier import Claims


@dataclass(frozen=True, slots=True)
class UsernameChange:
    """The name as typed, None to have none; from where and when the request came."""

    typed: str | None
    address: str
    asked_at: float


def get_profile(db: Database, user_id: str) -> Account:
    """Return the account. Raises InvalidToken if it is gone."""
    with db.connect() as connection:
        account = users.find(connection, user_id)
    if account is None:
        raise InvalidToken
    return account


def change_username(
    db: Database, usernames: Usernames, limits: RateLimits, subject: Claims, change: UsernameChange
) -> Account:
    """Change or remove the username, and return the account.

    Raises InsufficientUserAuthentication, InvalidField, RateLimited, UsernameTaken, InvalidToken.
    """
    require_fresh_login(subject, now=change.asked_at)
    username = parse_username(change.typed) if change.typed is not None else None
    # A typing error is free. To learn whether a name is taken is not.
    limits.count_registration(change.address)
    try:
        with db.begin() as tx:
            account = lock_fresh(tx, subject)
            rename(tx, usernames, account, username)
            fields = {"user_id": account.id, "ip": change.address}
            record(tx, Event(EventType.USERNAME_CHANGED, fields))
    except users.AlreadyTakenError as error:
        raise UsernameTaken from error
    return replace(account, username=username)


def rename(tx: Transaction, usernames: Usernames, account: Account, username: str | None) -> None:
    """Store another username, None for none. The caller holds the user's lock.

    Raises UsernameTaken, AlreadyTakenError: then the transaction must be given up.
    """
    name = canonical(username) if username is not None else None
    users.set_username(tx, account.id, username, name)
    if account.username is not None and canonical(account.username) == name:
        return
    usernames.take(tx, name, account.id)
    usernames.give_up(tx, account)
