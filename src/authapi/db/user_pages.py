"""The lists of accounts for administrators: by when they were made, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, case, or_, select, true

from authapi.db.models import Event, User
from authapi.db.pages import Found, Place, between, boundary


@dataclass(frozen=True, slots=True)
class ListedUser:
    """An account without its password. Moments are in Unix seconds.

    `last_login_at` is the newest log-in of which the event is kept.
    """

    id: str
    email: str
    email_verified_at: float | None
    username: str | None
    scopes: str
    created_at: float
    disabled_at: float | None
    last_login_at: float | None

    @property
    def place(self) -> Place:
        """Where it stands in the list."""
        return Place(self.created_at, self.id)


LOGINS = ("login_succeeded", "reauthenticated")  # of services/events/catalogue
_ORDER: list[Any] = [User.created_at, User.id]
_STORED: list[Any] = [getattr(User, column.name) for column in fields(ListedUser)[:-1]]


def _with_last_logins(chosen: Select[Any]) -> Select[Any]:
    """Add the log-ins to the rows that are shown, and to no others."""
    rows = chosen.subquery()
    last = (
        select(Event.at)
        .where(Event.user_id == rows.c.id, Event.type.in_(LOGINS))
        .order_by(Event.at.desc(), Event.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return select(rows, last).order_by(rows.c.created_at.desc(), rows.c.id.desc())


def find(connection: Connection, user_id: str) -> ListedUser | None:
    chosen = select(*_STORED).where(User.id == user_id)
    row = connection.execute(_with_last_logins(chosen)).one_or_none()
    return None if row is None else ListedUser(*row)


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Disabled accounts, or the others; and a text as typed, with its two canonical forms."""

    is_disabled: bool | None = None
    typed: str = ""
    name: str = ""
    address: str = ""

    def find(self, connection: Connection, after: Place | None, count: int) -> Found[ListedUser]:
        """Return the accounts that fit. On the first page, the one that the text names is ahead."""
        rows = select(*_STORED).where(*between(_ORDER, after, None))
        if self.is_disabled:
            rows = rows.where(User.disabled_at.is_not(None))  # by an index of its own
        named = self._find_named(connection) if self.typed else []
        until = None
        if fits := self._conditions(named):
            until = boundary(connection, rows, _ORDER)
            rows = rows.where(*fits, *between(_ORDER, None, until))
        newest = rows.order_by(*(column.desc() for column in _ORDER)).limit(count)
        found = _read(connection, newest)
        return Found(found, until, named if after is None else [])

    def _find_named(self, connection: Connection) -> Sequence[ListedUser]:
        is_id = User.id == self.typed
        is_named = or_(
            is_id, User.email_canonical == self.address, User.username_canonical == self.name
        )
        best = case((is_id, 0), (User.email_canonical == self.address, 1), else_=2)
        chosen = select(*_STORED).where(is_named, self._has_state()).order_by(best).limit(1)
        return _read(connection, chosen)

    def _conditions(self, named: Sequence[ListedUser]) -> list[ColumnElement[bool]]:
        conditions = [] if self.is_disabled is not False else [self._has_state()]
        if self.typed:
            texts: list[tuple[Any, str]] = [(User.email_canonical, self.name)]
            texts.append((User.username_canonical, self.name))
            if self.address != self.name:
                texts.append((User.email_canonical, self.address))
            has_text = [where.contains(text, autoescape=True) for where, text in texts]
            # Within an id, which is random, a short text would often be found by chance.
            conditions.append(or_(User.id.startswith(self.typed, autoescape=True), *has_text))
        conditions += [User.id != user.id for user in named]
        return conditions

    def _has_state(self) -> ColumnElement[bool]:
        if self.is_disabled is None:
            return true()
        return User.disabled_at.is_not(None) if self.is_disabled else User.disabled_at.is_(None)


def _read(connection: Connection, chosen: Select[Any]) -> Sequence[ListedUser]:
    return [ListedUser(*row) for row in connection.execute(_with_last_logins(chosen))]
