"""What users read and change about themselves, but for the password."""

from authapi.db import users
from authapi.db.database import Database
from authapi.db.users import Account
from authapi.errors import InvalidToken, UsernameTaken
from authapi.services.accounts.names import canonical, parse_username


def get_profile(db: Database, user_id: str) -> Account:
    """Return the account. Raises InvalidToken if it is gone."""
    with db.connect() as connection:
        account = users.find(connection, user_id)
    if account is None:
        raise InvalidToken
    return account


def change_username(db: Database, user_id: str, typed: str | None) -> Account:
    """Change or remove the username. Raises InvalidField, UsernameTaken, InvalidToken."""
    username = parse_username(typed) if typed is not None else None
    try:
        with db.begin() as tx:
            if users.lock(tx, user_id):
                users.set_username(tx, user_id, username, canonical(username) if username else None)
            account = users.find(tx, user_id)
    except users.AlreadyTakenError as error:
        raise UsernameTaken from error
    if account is None:
        raise InvalidToken
    return account
