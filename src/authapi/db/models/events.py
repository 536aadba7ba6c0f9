"""What people and administrators did."""

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from authapi.db.models.model import Id, Model

ACTED = text("actor_id IS NOT NULL")


class Event(Model):
    """What happened. Ids have no foreign key: the row outlives the account and the session.

    `actor_id` is who did it, where that is not the user. `details` is a JSON object.
    """

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    type: Mapped[str]
    at: Mapped[float]
    user_id: Mapped[str | None] = mapped_column(Id)
    session_id: Mapped[str | None] = mapped_column(Id)
    actor_id: Mapped[str | None] = mapped_column(Id)
    ip: Mapped[str | None]
    user_agent: Mapped[str | None]
    request_id: Mapped[str | None]
    details: Mapped[str]

    __table_args__ = (
        Index("events_user_id_at_idx", "user_id", "at", "id"),
        Index("events_type_at_idx", "type", "at", "id"),
        Index(None, "actor_id", postgresql_where=ACTED, sqlite_where=ACTED),
        Index(None, "at"),
    )
