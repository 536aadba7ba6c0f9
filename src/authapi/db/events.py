"""The table `events`: what persons and administrators did. Rows are only added, and purged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from authapi.db.clock import db_now
from authapi.db.models import Event

IN_MANY = 1000  # rows a page of an export


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """`at` is in Unix seconds of the database; `details` is a JSON object."""

    id: str
    type: str
    at: float
    user_id: str | None
    session_id: str | None
    actor_id: str | None
    ip: str | None
    user_agent: str | None
    request_id: str | None
    details: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the list, newest first: the row after which a page begins."""

    at: float
    id: str


_STORED: list[Any] = [getattr(Event, column.name) for column in fields(StoredEvent)]


def add(
    connection: Connection, values: Mapping[str, object], details: Mapping[str, object]
) -> None:
    """Add an event that happened now."""
    text = json.dumps(details, separators=(",", ":"), default=list)
    connection.execute(insert(Event).values(**values, details=text, at=db_now()))


def list_of_user(
    connection: Connection, user_id: str, *, after: Place | None, count: int
) -> Sequence[StoredEvent]:
    """Return the user's own events, the newest first."""
    statement = select(*_STORED).where(Event.user_id == user_id)
    if after is not None:
        statement = statement.where(tuple_(Event.at, Event.id) < (after.at, after.id))
    newest = statement.order_by(Event.at.desc(), Event.id.desc()).limit(count)
    return [StoredEvent(*row) for row in connection.execute(newest)]


def find_newest_type(connection: Connection, user_id: str) -> str | None:
    """Return the type of what happened last to the user."""
    newest = select(Event.type).where(Event.user_id == user_id)
    return connection.scalars(newest.order_by(Event.at.desc(), Event.id.desc()).limit(1)).first()


def forget_person(connection: Connection, user_id: str) -> None:
    """Keep what happened to the id, and nothing that tells of the person."""
    personal = {"ip": None, "user_agent": None, "details": "{}"}
    connection.execute(update(Event).where(Event.user_id == user_id).values(**personal))


def purge(connection: Connection, *, older_than_seconds: float, count: int) -> int:
    """Delete at most `count` events that are so old. Return how many."""
    old = select(Event.id).where(Event.at < db_now() - older_than_seconds).limit(count)
    return connection.execute(delete(Event).where(Event.id.in_(old))).rowcount
