"""Accounts, and what is kept about each besides its sessions."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import SmallInteger, String

from authapi.db.models.model import Id, Model

ADMIN = "authapi:admin"
# The same text in an index and in a query, or no planner takes the one for the other.
ADMINISTERS = f"replace(' ' || scopes || ' ', ' {ADMIN} ', '') <> ' ' || scopes || ' '"
DISABLED = text("disabled_at IS NOT NULL")


class User(Model):
    """An account. `*_canonical` is what is compared; the other is what was typed.

    `version` grows when a proof of identity loses its worth: by a new password, by a disabling.
    `session_generation` grows when all sessions end: those of an earlier one are stopped.
    `second_factors` counts those in force: see db/factors.
    """

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str]
    email_canonical: Mapped[str] = mapped_column(unique=True)
    email_verified_at: Mapped[float | None]
    username: Mapped[str | None]
    username_canonical: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str]
    scopes: Mapped[str] = mapped_column(default="")
    created_at: Mapped[float]
    disabled_at: Mapped[float | None]
    version: Mapped[int] = mapped_column(server_default="0")
    session_generation: Mapped[int] = mapped_column(server_default="0")
    second_factors: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    # The lists of administrators: all, the disabled ones, and administrators themselves.
    __table_args__ = (
        Index("users_created_at_idx", "created_at", "id"),
        Index(
            "users_disabled_idx",
            *("created_at", "id"),
            postgresql_where=DISABLED,
            sqlite_where=DISABLED,
        ),
        Index(
            "users_administrators_idx",
            "id",
            postgresql_where=text(ADMINISTERS),
            sqlite_where=text(ADMINISTERS),
        ),
    )


class PendingRegistration(Model):
    """A registration whose address is not proven yet. It becomes the account `id` when it is.

    The link and the code of the mail `link_id`, posted at `linked_at`, prove it. Wrong codes count
    in `failures`. The digests are those of the device that registered: see KnownAddress.
    """

    __tablename__ = "pending_registrations"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    email: Mapped[str]
    email_canonical: Mapped[str] = mapped_column(unique=True)
    username: Mapped[str | None]
    username_canonical: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str]
    network_digest: Mapped[str] = mapped_column(String(32))
    agent_digest: Mapped[str] = mapped_column(String(32))
    link_id: Mapped[str] = mapped_column(Id, unique=True)
    linked_at: Mapped[float]
    expires_at: Mapped[float]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    __table_args__ = (Index(None, "expires_at"),)


class ReleasedName(Model):
    """A username that was given up, and is nobody else's until `free_at`.

    `name_digest` is a keyed digest of the canonical name. `user_id` gave it up and may take it
    back; a deleted account leaves none.
    """

    __tablename__ = "released_names"

    name_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    free_at: Mapped[float]

    __table_args__ = (Index(None, "user_id"), Index(None, "free_at"))


class KnownAddress(Model):
    """A network or a kind of agent that an account has logged in from: a keyed digest, and when.

    A digest is of the account's id and version too: a new password makes all of them worthless.
    """

    __tablename__ = "known_addresses"

    digest: Mapped[str] = mapped_column(String(32), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    last_login_at: Mapped[float]

    __table_args__ = (Index(None, "user_id"), Index(None, "last_login_at"))
