"""Sessions, what may stand in their columns, and the end of all sessions of an account."""

from enum import StrEnum

from sqlalchemy import Index, text, true
from sqlalchemy.orm import Mapped, mapped_column

from authapi.db.models.model import Id, Model

IN_FORCE = text("revoked_at IS NULL")  # or expired: that is no constant
UNFOLLOWED = text("followed_at IS NULL")


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
    FACTORS_RESET = "factors_reset"
    FACTOR_UNDONE = "factor_undone"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_DELETED = "account_deleted"
    REPLAY = "replay"
    TOO_MANY_SESSIONS = "too_many_sessions"


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
