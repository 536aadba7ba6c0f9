"""Mails that wait or were sent, and what their links may do."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import SmallInteger

from authapi.db.models.model import Id, Model

SENT, GIVEN_UP = text("sent_at IS NOT NULL"), text("failed_at IS NOT NULL")


class Link(Model):
    """What a link or a code from a mail may do. `id` is the mail's: both are derived from it.

    `email` is the address that it proves: a new one for a change, the old one for an undo, of an
    address or of factors. Wrong codes count in `failures`.
    """

    __tablename__ = "links"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    purpose: Mapped[str]
    email: Mapped[str]
    email_canonical: Mapped[str]
    created_at: Mapped[float]
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    __table_args__ = (
        *(Index(None, name) for name in ("user_id", "email_canonical", "expires_at")),
    )


class OutboxMail(Model):
    """A mail. It is due at `next_try_at`; a process that sends it moves that on first.

    `sealed` holds what it says and to whom, until it is sent. A mail without an account's id was
    asked for by a stranger: whether the address has an account is looked up when it is sent.
    """

    __tablename__ = "outbox"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str]
    sealed: Mapped[bytes | None]
    created_at: Mapped[float]
    next_try_at: Mapped[float | None]
    tries: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    sent_at: Mapped[float | None]
    failed_at: Mapped[float | None]
    problem: Mapped[str | None]

    __table_args__ = (
        Index(None, "next_try_at"),
        Index(None, "user_id"),
        Index(None, "sent_at", postgresql_where=SENT, sqlite_where=SENT),
        Index(None, "failed_at", postgresql_where=GIVEN_UP, sqlite_where=GIVEN_UP),
    )
