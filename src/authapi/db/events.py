"""The table `events`: what persons and administrators did. Rows are only added, and purged."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, insert, or_, select, tuple_, update

from authapi.db.clock import db_now
from authapi.db.models import Event
from authapi.db.pages import Place


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

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(self.at, self.id)


NO_DETAILS = "{}"
_STORED: list[Any] = [getattr(Event, column.name) for column in fields(StoredEvent)]


def add(
    connection: Connection, values: Mapping[str, object], details: Mapping[str, object]
) -> None:
    """Add an event that happened now."""
    text = json.dumps(details, separators=(",", ":"), default=list)
    connection.execute(insert(Event).values(**values, details=text, at=db_now()))


def list_of_user(
    connection: Connection, user_id: str, after: Place | None, count: int
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


def forget_person(connection: Connection, user_id: str, count: int) -> int:
    """Keep what happened to the id, and nothing that tells of the person.

    Change at most `count` events; return how many.
    """
    tells = or_(Event.ip.is_not(None), Event.user_agent.is_not(None), Event.details != NO_DETAILS)
    batch = select(Event.id).where(Event.user_id == user_id, tells).limit(count)
    nothing = {"ip": None, "user_agent": None, "details": NO_DETAILS}
    return connection.execute(update(Event).where(Event.id.in_(batch)).values(**nothing)).rowcount
