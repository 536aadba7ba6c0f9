"""Mails that wait to be sent, and what their links may do.

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "links",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(22),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_canonical", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("failures", sa.SmallInteger, nullable=False, server_default="0"),
    )
    op.create_index("links_user_id_idx", "links", ["user_id"])
    op.create_index("links_email_canonical_idx", "links", ["email_canonical"])
    op.create_table(
        "outbox",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("user_id", sa.String(22), sa.ForeignKey("users.id", ondelete="CASCADE")),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("next_try_at", sa.Double),
        sa.Column("tries", sa.SmallInteger, nullable=False, server_default="0"),
        sa.Column("sent_at", sa.Double),
        sa.Column("failed_at", sa.Double),
        sa.Column("problem", sa.Text),
    )
    op.create_index("outbox_next_try_at_idx", "outbox", ["next_try_at"])
    op.create_index("outbox_user_id_idx", "outbox", ["user_id"])


def downgrade() -> None:
    op.drop_table("outbox")
    op.drop_table("links")
