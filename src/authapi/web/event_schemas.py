"""Bodies of answers that tell what happened to an account."""

import json
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, Field

from authapi.clock import as_datetime
from authapi.db.events import StoredEvent
from authapi.db.links import StoredLink
from authapi.db.pages import Page
from authapi.web.factor_schemas import FactorInfo
from authapi.web.schemas import EXAMPLE_ID, Profile, SessionInfo


class EventInfo(BaseModel):
    """`type` is one of the list in docs/security.md."""

    id: str = Field(examples=[EXAMPLE_ID])
    type: str = Field(examples=["login_succeeded"])
    at: datetime
    user_id: str | None
    session_id: str | None
    actor_id: str | None = Field(description="Who did it, where that was not the user.")
    ip: str | None = Field(examples=["192.0.2.7"])
    user_agent: str | None = Field(examples=["curl/8.5.0"])
    request_id: str | None
    details: dict[str, Any]

    @classmethod
    def of(cls, event: StoredEvent) -> Self:
        return cls(
            id=event.id,
            type=event.type,
            at=as_datetime(event.at),
            user_id=event.user_id,
            session_id=event.session_id,
            actor_id=event.actor_id,
            ip=event.ip,
            user_agent=event.user_agent,
            request_id=event.request_id,
            details=json.loads(event.details),
        )


class EventPage(BaseModel):
    """Newest first. `next_cursor` is null on the last page."""

    events: list[EventInfo]
    next_cursor: str | None

    @classmethod
    def of(cls, page: Page[StoredEvent]) -> Self:
        events = [EventInfo.of(event) for event in page.rows]
        return cls(events=events, next_cursor=page.next_cursor)


class PendingMail(BaseModel):
    """A mail of which the link still works, and the address that it is about."""

    purpose: str = Field(examples=["change"])
    email: str
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, link: StoredLink) -> Self:
        return cls(
            purpose=link.purpose,
            email=link.email,
            created_at=as_datetime(link.created_at),
            expires_at=as_datetime(link.expires_at),
        )


class Export(BaseModel):
    profile: Profile
    sessions: list[SessionInfo]
    factors: list[FactorInfo]
    pending_mails: list[PendingMail]
    events: list[EventInfo]
