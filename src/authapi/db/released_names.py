"""The table `released_names`: usernames that somebody gave up, as digests, while they rest."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, delete, exists, insert, or_, select

from authapi.db.clock import db_now
from authapi.db.models import ReleasedName


def is_resting(connection: Connection, digests: Sequence[str], user_id: str | None) -> bool:
    """Return whether the name rests for everybody but the user who gave it up."""
    resting = exists().where(
        ReleasedName.name_digest.in_(digests),
        ReleasedName.free_at > db_now(),
        or_(ReleasedName.user_id.is_(None), ReleasedName.user_id != (user_id or "")),
    )
    return bool(connection.scalars(select(resting)).one())


def find_resting(connection: Connection, digests: Collection[str]) -> Collection[str]:
    """Return which of these digests are of a name that rests."""
    resting = ReleasedName.name_digest.in_(digests), ReleasedName.free_at > db_now()
    return connection.scalars(select(ReleasedName.name_digest).where(*resting)).all()


def add(connection: Connection, digest: str, user_id: str | None, rest_seconds: float) -> None:
    """Let the name rest from now on. `user_id` may take it back; None lets nobody."""
    row = {"name_digest": digest, "user_id": user_id, "free_at": db_now() + rest_seconds}
    connection.execute(insert(ReleasedName).values(**row))


def remove(connection: Connection, digests: Sequence[str]) -> None:
    """End the rest of a name."""
    connection.execute(delete(ReleasedName).where(ReleasedName.name_digest.in_(digests)))
