"""Registration: a new account, asked for by a stranger or made by the operator."""

from dataclasses import dataclass

import structlog

from authapi.config import Settings
from authapi.crypto.ids import new_id
from authapi.crypto.passwords import PasswordHasher
from authapi.db import users
from authapi.db.database import Database
from authapi.db.models import User
from authapi.errors import AlreadyRegistered, RegistrationClosed, UsernameTaken
from authapi.services.accounts.names import canonical, parse_email, parse_username
from authapi.services.accounts.password_rules import require_acceptable_password
from authapi.services.accounts.scopes import require_grantable
from authapi.services.limits.rate_limits import RateLimits

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class NewUser:
    """As typed. `scopes` are the operator's to give, never the stranger's."""

    email: str
    password: str
    username: str | None = None
    scopes: str = ""


def register(
    db: Database,
    settings: Settings,
    hasher: PasswordHasher,
    limits: RateLimits,
    wanted: NewUser,
    address: str,
    *,
    now: float,
) -> User:
    """An account for whoever asks, where registration is open.

    Hashes: run it on the password pool. Raises RegistrationClosed, RateLimited and what
    `add_user` raises.
    """
    if settings.registration == "closed":
        raise RegistrationClosed
    user = _as_typed(wanted, now)
    # After what only a typing error can break, before what tells whether an account exists.
    limits.count_registration(address)
    _add(db, hasher, user, wanted.password)
    log.info("user_registered", user_id=user.id, ip=address)
    return user


def add_user(db: Database, hasher: PasswordHasher, wanted: NewUser, *, now: float) -> User:
    """The operator's way. Raises InvalidField, AlreadyRegistered, UsernameTaken, Unavailable."""
    require_grantable(wanted.scopes)
    user = _as_typed(wanted, now)
    _add(db, hasher, user, wanted.password)
    return user


def _add(db: Database, hasher: PasswordHasher, user: User, password: str) -> None:
    _require_free(db, user)
    user.password_hash = hasher.hash(password)
    try:
        with db.begin() as tx:
            users.add(tx, user)
    except users.AlreadyTakenError:
        _require_free(db, user)  # somebody else was faster: says which of the two they took
        raise


def _as_typed(wanted: NewUser, now: float) -> User:
    email = parse_email(wanted.email)
    username = parse_username(wanted.username) if wanted.username is not None else None
    require_acceptable_password(wanted.password, field="password", email=email, username=username)
    return User(
        id=new_id(),
        email=email,
        email_canonical=canonical(email),
        username=username,
        username_canonical=canonical(username) if username else None,
        scopes=wanted.scopes,
        created_at=now,
    )


def _require_free(db: Database, user: User) -> None:
    with db.autocommit() as tx:
        if users.find_by_email(tx, user.email_canonical):
            raise AlreadyRegistered
        if user.username_canonical and users.find_by_username(tx, user.username_canonical):
            raise UsernameTaken
