"""The table `auth_sessions`: log-ins that wait for a second factor. See services/factors."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, select, update

from authapi.db.clock import db_now
from authapi.db.database import Transaction
from authapi.db.models import AuthSession, User


@dataclass(frozen=True, slots=True)
class Waiting:
    """A log-in that waits. models.AuthSession explains the columns."""

    digest: str
    user_id: str
    account_version: int
    amr: str
    transport: str
    resource: str | None
    remember: bool
    came_with: str
    replaces: str | None


_COLUMNS = [getattr(AuthSession, column.name) for column in fields(Waiting)]


def add(tx: Transaction, new: Waiting, seconds: float) -> None:
    """Let a log-in wait so long."""
    values: dict[str, Any] = {**asdict(new), "expires_at": db_now() + seconds}
    tx.execute(insert(AuthSession).values(**values))


def find(connection: Connection, digest: str, most_failures: int) -> Waiting | None:
    """Return a log-in that still waits: not used, not expired, and with tries left.

    None as well for an account that was disabled, or whose proofs of identity have ended.
    """
    is_good = (User.version == AuthSession.account_version, User.disabled_at.is_(None))
    waits = select(*_COLUMNS).join(User, User.id == AuthSession.user_id).where(*is_good)
    row = connection.execute(waits.where(*_waits(digest, most_failures))).one_or_none()
    return None if row is None else Waiting(*row)


def count_failure(tx: Transaction, digest: str, most_failures: int) -> bool:
    """Take one try before it is looked at. False, without effect, if none is left.

    One statement: of many at once, `most_failures` are let through in all.
    """
    statement = (
        update(AuthSession)
        .where(*_waits(digest, most_failures))
        .values(failures=AuthSession.failures + 1)
        .returning(AuthSession.digest)
    )
    return tx.execute(statement).one_or_none() is not None


def use(tx: Transaction, digest: str) -> bool:
    """Use it up. Of two at once one is told True."""
    statement = (
        update(AuthSession)
        .where(
            AuthSession.digest == digest,
            AuthSession.used_at.is_(None),
            AuthSession.expires_at > db_now(),
        )
        .values(used_at=db_now())
        .returning(AuthSession.digest)
    )
    return tx.execute(statement).one_or_none() is not None


def _waits(digest: str, most_failures: int) -> tuple[Any, ...]:
    return (
        AuthSession.digest == digest,
        AuthSession.used_at.is_(None),
        AuthSession.failures < most_failures,
        AuthSession.expires_at > db_now(),
    )
