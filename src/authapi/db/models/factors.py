"""More ways in: factors, and what is under way for them."""

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import BigInteger, SmallInteger, String

from authapi.db.models.model import Id, Model

OWNER = "users.id"
PARENT = "factors.id"
UNCONFIRMED = "confirmed_at IS NULL"


class Factor(Model):
    """One factor of an account. In force since `confirmed_at`; until then it proves nothing.

    Each kind but `recovery_codes` has its secrets in a row of its own table below.
    """

    __tablename__ = "factors"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(OWNER, ondelete="CASCADE"))
    kind: Mapped[str]
    name: Mapped[str | None]
    created_at: Mapped[float]
    confirmed_at: Mapped[float | None]
    last_used_at: Mapped[float | None]

    # The second one finds what was never confirmed, and is to be purged.
    __table_args__ = (
        Index(None, "user_id"),
        Index(
            "factors_created_at_idx",
            "created_at",
            postgresql_where=text(UNCONFIRMED),
            sqlite_where=text(UNCONFIRMED),
        ),
    )


class TotpSecret(Model):
    """A sealed secret, and the newest step whose code was used: it only grows."""

    __tablename__ = "totp_secrets"

    factor_id: Mapped[str] = mapped_column(ForeignKey(PARENT, ondelete="CASCADE"), primary_key=True)
    sealed: Mapped[bytes]
    last_step: Mapped[int] = mapped_column(BigInteger)


class RecoveryCode(Model):
    """The digest of a code that works once."""

    __tablename__ = "recovery_codes"

    digest: Mapped[str] = mapped_column(String(43), primary_key=True)
    factor_id: Mapped[str] = mapped_column(ForeignKey(PARENT, ondelete="CASCADE"))
    used_at: Mapped[float | None]

    __table_args__ = (Index(None, "factor_id"),)


class Passkey(Model):
    """A WebAuthn credential. `credential_id` is base64url; `public_key` is a COSE key.

    `user_verified`: it has verified its user once, so it may log in by itself (`uvInitialized`).
    """

    __tablename__ = "passkeys"

    factor_id: Mapped[str] = mapped_column(ForeignKey(PARENT, ondelete="CASCADE"), primary_key=True)
    credential_id: Mapped[str] = mapped_column(unique=True)
    public_key: Mapped[bytes]
    sign_count: Mapped[int] = mapped_column(BigInteger)
    backup_eligible: Mapped[bool]
    backed_up: Mapped[bool]
    transports: Mapped[str]  # as the browser named them, space-separated
    user_verified: Mapped[bool] = mapped_column(server_default=false())


class Identity(Model):
    """An account at another provider. Only issuer and subject say whose it is, never an address."""

    __tablename__ = "identities"

    factor_id: Mapped[str] = mapped_column(ForeignKey(PARENT, ondelete="CASCADE"), primary_key=True)
    provider: Mapped[str]
    issuer: Mapped[str]
    subject: Mapped[str]

    __table_args__ = (UniqueConstraint("issuer", "subject"),)


class AuthSession(Model):
    """A log-in whose first factor was right. It opens a session after a second one, once.

    `digest` is that of the `auth_session` which the client holds. `amr` is what was proven.
    `replaces` is the sid of the session that ends then, after `/reauth`. `came_with` are sids of
    credentials in the request, space-separated.
    """

    __tablename__ = "auth_sessions"

    digest: Mapped[str] = mapped_column(String(43), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey(OWNER, ondelete="CASCADE"))
    account_version: Mapped[int]
    amr: Mapped[str]
    transport: Mapped[str]
    resource: Mapped[str | None]
    remember: Mapped[bool]
    came_with: Mapped[str]
    replaces: Mapped[str | None] = mapped_column(Id)
    expires_at: Mapped[float]
    used_at: Mapped[float | None]
    failures: Mapped[int] = mapped_column(SmallInteger, server_default="0")

    __table_args__ = (Index(None, "user_id"), Index(None, "expires_at"))


class SpentChallenge(Model):
    """A challenge that was answered. It stays until it would have expired."""

    __tablename__ = "spent_challenges"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[float]

    __table_args__ = (Index(None, "expires_at"),)
