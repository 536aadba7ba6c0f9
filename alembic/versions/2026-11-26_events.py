"""What persons and administrators did.

Revision: 0010, after 0009
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("user_id", sa.String(22)),
        sa.Column("session_id", sa.String(22)),
        sa.Column("actor_id", sa.String(22)),
        sa.Column("ip", sa.Text),
        sa.Column("user_agent", sa.Text),
        sa.Column("request_id", sa.Text),
        sa.Column("details", sa.Text, nullable=False),
    )
    op.create_index("events_user_id_at_idx", "events", ["user_id", "at", "id"])
    op.create_index("events_at_idx", "events", ["at"])


def downgrade() -> None:
    op.drop_table("events")
