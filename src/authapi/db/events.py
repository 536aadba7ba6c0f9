"""The table `events`: what persons and administrators did. Rows are only added, and purged."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, and_, case, func, insert, or_, select, update

from authapi.db.clock import db_now
from authapi.db.models import Event
from authapi.db.pages import Found, Place, between, boundary


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
_ORDER: list[Any] = [Event.at, Event.id]


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
    return EventFilter(user_id, None, None).find(connection, after, count).rows


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Events of a user, of a type, since a moment in Unix seconds; None for any."""

    user_id: str | None
    type: str | None
    since: float | None

    def find(self, connection: Connection, after: Place | None, count: int) -> Found[StoredEvent]:
        """Return the events that fit, the newest first. An index has those of a user or a type."""
        rows, until = select(*_STORED).where(*between(_ORDER, after, None)), None
        if self.since is not None:
            rows = rows.where(Event.at >= self.since)
        if self.user_id is not None:
            rows = rows.where(Event.user_id == self.user_id)
        if self.type is not None:
            if self.user_id is not None:  # no index has both
                until = boundary(connection, rows, _ORDER)
            rows = rows.where(Event.type == self.type, *between(_ORDER, None, until))
        newest = rows.order_by(*(column.desc() for column in _ORDER)).limit(count)
        return Found([StoredEvent(*row) for row in connection.execute(newest)], until)


def find_newest_type(connection: Connection, user_id: str) -> str | None:
    """Return the type of what happened last to the user."""
    newest = select(Event.type).where(Event.user_id == user_id)
    return connection.scalars(newest.order_by(Event.at.desc(), Event.id.desc()).limit(1)).first()


def count_lately(
    connection: Connection, user_id: str, types: Collection[str], seconds: float
) -> int:
    """Return how many events of these types the user had within so many seconds."""
    lately = (Event.user_id == user_id, Event.type.in_(types), Event.at > db_now() - seconds)
    return connection.scalars(select(func.count()).where(*lately)).one()


def forget(connection: Connection, user_id: str, count: int) -> int:
    """Keep what happened to a person, and what they did to others, without telling of the person.

    Change at most `count` events; return how many.
    """
    whence = or_(Event.ip.is_not(None), Event.user_agent.is_not(None))
    is_own = Event.user_id == user_id
    tells = or_(
        and_(is_own, or_(whence, Event.details != NO_DETAILS)),
        and_(Event.actor_id == user_id, whence),
    )
    ids = connection.scalars(select(Event.id).where(tells).limit(count)).all()
    # In one order: two who acted on each other may be forgotten at the same time.
    ordered = select(Event.id).where(Event.id.in_(ids)).order_by(Event.id)
    connection.execute(ordered.with_for_update())
    details = case((is_own, NO_DETAILS), else_=Event.details)
    nothing = {"ip": None, "user_agent": None, "details": details}
    connection.execute(update(Event).where(Event.id.in_(ids)).values(**nothing))
    return len(ids)
