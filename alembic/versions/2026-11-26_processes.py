"""The processes that serve, for `authapi doctor`.

The release that still runs beside this one does not know the table, and needs not.

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels = None
depends_on = None

TABLE = "processes"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(22), primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("started_at", sa.Double, nullable=False),
        sa.Column("seen_at", sa.Double, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("forwarded", sa.Integer, nullable=False),
        sa.Column("forwarder", sa.Text),
    )
    op.create_index(f"{TABLE}_seen_at_idx", TABLE, ["seen_at"])


def downgrade() -> None:
    op.drop_table(TABLE)
