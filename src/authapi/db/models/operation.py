"""What the running processes tell an operator."""

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from authapi.db.models.model import Id, Model


class Process(Model):
    """A process that serves. It writes its row each minute, and removes it when it stops.

    `settings` is a JSON object of texts; what holds a secret is a keyed digest there. Of the
    `requests` whose address counts, so many were `forwarded`: `forwarder`, which is no trusted
    proxy, sent them with `X-Forwarded-For`.
    """

    __tablename__ = "processes"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    host: Mapped[str]
    version: Mapped[str]
    started_at: Mapped[float]
    seen_at: Mapped[float]
    settings: Mapped[str]
    requests: Mapped[int]
    forwarded: Mapped[int]
    forwarder: Mapped[str | None]

    __table_args__ = (Index(None, "seen_at"),)
