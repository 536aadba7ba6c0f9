"""Registrations that wait for the proof of their address, with REGISTRATION_CONFIRMS_EMAIL.

The release that still runs beside this one does not know the table. It makes accounts that are not
verified, and they stay so. It can't send the mail of a registration here: this release does.

Revision: 0013, after 0012
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels = None
depends_on = None

TABLE = "pending_registrations"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("email_canonical", sa.Text, nullable=False),
        sa.Column("username", sa.Text),
        sa.Column("username_canonical", sa.Text),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("network_digest", sa.String(32), nullable=False),
        sa.Column("agent_digest", sa.String(32), nullable=False),
        sa.Column("link_id", sa.String(22), nullable=False),
        sa.Column("linked_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("failures", sa.SmallInteger, nullable=False, server_default="0"),
        sa.UniqueConstraint("email_canonical", name=f"{TABLE}_email_canonical_key"),
        sa.UniqueConstraint("username_canonical", name=f"{TABLE}_username_canonical_key"),
        sa.UniqueConstraint("link_id", name=f"{TABLE}_link_id_key"),
    )
    op.create_index(f"{TABLE}_expires_at_idx", TABLE, ["expires_at"])


def downgrade() -> None:
    op.drop_table(TABLE)
