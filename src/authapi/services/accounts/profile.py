"""What users read and change about themselves, the password aside."""

from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import User
from authapi.db.users import Profile
from authapi.errors import InvalidToken, UsernameTaken
from authapi.services.accounts.names import canonical, parse_username


def get_profile(db: Database, user_id: str) -> Profile:
    """Raises InvalidToken where the account is gone, Unavailable."""
    with db.connect() as connection:
        profile = users.find_profile(connection, user_id)
    if profile is None:
        raise InvalidToken
    return profile


def change_username(db: Database, user_id: str, typed: str | None) -> User:
    """None takes the username away.

    Raises InvalidField, UsernameTaken, InvalidToken, Unavailable.
    """
    username = parse_username(typed) if typed is not None else None
    try:
        with db.begin() as tx:
            user = users.lock(tx, user_id)
            if user:
                users.set_username(tx, user, username, canonical(username) if username else None)
    except users.AlreadyTakenError as error:
        raise UsernameTaken from error
    if user is None:
        raise InvalidToken
    return user
