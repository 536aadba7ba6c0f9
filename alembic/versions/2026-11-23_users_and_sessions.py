"""Users, sessions and signing keys.

Revision: 0001, after None
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "users",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_canonical", sa.Text, nullable=False, unique=True),
        sa.Column("email_verified_at", sa.Double),
        sa.Column("username", sa.Text),
        sa.Column("username_canonical", sa.Text, unique=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("disabled_at", sa.Double),
    )
    op.create_table(
        "sessions",
        sa.Column("sid", sa.String(22), primary_key=True),
        sa.Column("user_id", sa.String(22), sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("ends_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sa.Column("revoked_reason", sa.Text),
        sa.Column("tokens_from", sa.Double),
        sa.Column("last_exchanged", sa.Text, nullable=False),
        sa.Column("exchanged_at", sa.Double, nullable=False),
        sa.Column("exchanged_before", sa.Text, nullable=False),
        sa.Column("exchange_keys", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text),
        sa.Column("ip", sa.Text),
    )
    op.create_index("sessions_user_id_idx", "sessions", ["user_id"])
    op.create_index("sessions_revoked_at_idx", "sessions", ["revoked_at"])
    op.create_index("sessions_tokens_from_idx", "sessions", ["tokens_from"])
    op.create_table(
        "signing_keys",
        sa.Column("kid", sa.String(22), primary_key=True),
        sa.Column("position", sa.SmallInteger, nullable=False, unique=True),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("private_sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("signs_from", sa.Double, nullable=False),
        sa.Column("compromised_at", sa.Double),
    )


def downgrade() -> None:
    op.drop_table("signing_keys")
    op.drop_table("sessions")
    op.drop_table("users")
