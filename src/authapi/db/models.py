"""Every table on one page. Times are Unix seconds; ids are 22 characters of base64url.

users            one row per account
sessions         one row per log-in, however often it is refreshed; a deleted user's rows stay
stops            one row per account whose sessions were all ended lately
released_names   one row per username that was given up, for as long as it rests
known_addresses  one row per account and network, or kind of agent, that it logged in from of late
signing_keys     one row per key that signs access tokens; the private part is sealed
links            one row per mail with a link and a code, until some time after it ran out
outbox           one row per mail: what it says is sealed while it waits, and then removed
events           one row per thing that a person or an administrator did; only a purge removes it
"""

from enum import StrEnum
from typing import ClassVar

from sqlalchemy import ForeignKey, Index, MetaData, text, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import Double, LargeBinary, SmallInteger, String, Text

Id = String(22)
IN_FORCE = text("revoked_at IS NULL")  # or expired: that is no constant
UNFOLLOWED = text("followed_at IS NULL")
SENT, GIVEN_UP = text("sent_at IS NOT NULL"), text("failed_at IS NOT NULL")


class Carrier(StrEnum):
    """Where a client finds its refresh token, or its session's id."""

    BODY = "body"
    COOKIE = "cookie"


class Transport(StrEnum):
    """How the credentials of a session travel: docs/transports.md."""

    BEARER = "bearer"
    HYBRID = "hybrid"
    COOKIE = "cookie"
    SESSION = "session"

    @property
    def carrier(self) -> Carrier:
        return Carrier.BODY if self is Transport.BEARER else Carrier.COOKIE


class RevokedReason(StrEnum):
    """Why a session was ended before its time."""

    LOGOUT = "logout"
    LOGOUT_ALL = "logout_all"
    NEW_LOGIN = "new_login"
    REAUTHENTICATED = "reauthenticated"
    ENDED_BY_USER = "ended_by_user"
    SIGNED_OUT_BY_OPERATOR = "signed_out_by_operator"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105
    EMAIL_CHANGED = "email_changed"  # by an operator
    EMAIL_CHANGE_UNDONE = "email_change_undone"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    REPLAY = "replay"
    TOO_MANY_SESSIONS = "too_many_sessions"


class Model(DeclarativeBase):
    # Named constraints can be dropped by name in a later migration, on both databases.
    metadata = MetaData(
        naming_convention={
            "pk": "%(table_name)s_pkey",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "uq": "%(table_name)s_%(column_0_name)s_key",
            "ix": "%(table_name)s_%(column_0_name)s_idx",
        }
    )
    type_annotation_map: ClassVar = {str: Text, float: Double, bytes: LargeBinary}


class User(Model):
    """An account. `*_canonical` is what is compared; the other is what was typed.

    `version` grows when a proof of identity loses its worth: by a new password, by a disabling.
    `session_generation` grows when all sessions end: those of an earlier one are stopped.
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


class Session(Model):
    """One log-in on one device. The refresh rule reads and writes only this row.

    `last_exchanged` is the `jti` of the refresh token that was exchanged last (a new session's is
    its own sid), `exchanged_before` the seven before it, newest first, space-separated.
    `exchange_keys` are the digests of the Idempotency-Keys of that last exchange, newest first.
    `expires_at` ends the refresh token that is in force, `ends_at` the session itself.
    `secret_digest` is that of the secret in the cookie of transport `session`.
    `scopes` is the user's, copied: a refresh needs no other row. Since they last changed, access
    tokens whose `iat` is before `tokens_from` are refused. `amr` says how the user was
    authenticated (RFC 8176), space-separated; `client_id` which client logged in. `remember` is
    false for one that ends after a day unused, and with the browser.
    `generation` is the account's `session_generation` at the log-in. Where `revoked_by_stop` is
    set, a stop wrote `revoked_at`: the feed reads these sessions by the stop, once.
    """

    __tablename__ = "sessions"

    sid: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str | None] = mapped_column(Id)
    transport: Mapped[str]
    scopes: Mapped[str]
    created_at: Mapped[float]
    last_used_at: Mapped[float]
    expires_at: Mapped[float]
    ends_at: Mapped[float]
    revoked_at: Mapped[float | None]
    revoked_reason: Mapped[str | None]
    tokens_from: Mapped[float | None]
    last_exchanged: Mapped[str]
    exchanged_at: Mapped[float]
    exchanged_before: Mapped[str] = mapped_column(default="")
    exchange_keys: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str | None]
    ip: Mapped[str | None]
    secret_digest: Mapped[str | None]
    amr: Mapped[str] = mapped_column(server_default="pwd")
    client_id: Mapped[str] = mapped_column(server_default="authapi")
    remember: Mapped[bool] = mapped_column(server_default=true())
    generation: Mapped[int] = mapped_column(server_default="0")
    revoked_by_stop: Mapped[bool | None]

    __table_args__ = (
        *(Index(None, name) for name in ("user_id", "revoked_at", "tokens_from", "expires_at")),
        # For a user's list, page by page: what has expired is passed over within the index.
        Index(
            "sessions_in_force_idx",
            *("user_id", "last_used_at", "sid", "expires_at"),
            postgresql_where=IN_FORCE,
            sqlite_where=IN_FORCE,
        ),
    )


class Stop(Model):
    """The last end of all sessions of an account: those before `generation` are stopped.

    The account may be gone. `followed_at` is set when no row of a session is left to be changed.
    """

    __tablename__ = "stops"

    user_id: Mapped[str] = mapped_column(Id, primary_key=True)
    generation: Mapped[int]
    stopped_at: Mapped[float]
    reason: Mapped[str]
    followed_at: Mapped[float | None]

    __table_args__ = (
        Index(None, "stopped_at"),
        Index(
            "stops_unfollowed_idx",
            "stopped_at",
            postgresql_where=UNFOLLOWED,
            sqlite_where=UNFOLLOWED,
        ),
    )


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


class SigningKey(Model):
    """A key that signs access tokens from `signs_from` until a later one's `signs_from`.

    `position` counts the keys: its uniqueness lets one of several processes add the next one.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, unique=True)
    algorithm: Mapped[str]
    private_sealed: Mapped[bytes]
    created_at: Mapped[float]
    signs_from: Mapped[float]
    compromised_at: Mapped[float | None]


class Link(Model):
    """What a link or a code from a mail may do. `id` is the mail's: both are derived from it.

    `email` is the address that it proves: a new one for a change, the old one for an undo. Wrong
    codes count in `failures`.
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

    __table_args__ = (Index("events_user_id_at_idx", "user_id", "at", "id"), Index(None, "at"))
