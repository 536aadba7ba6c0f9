"""Where each account has logged in from of late.

The release that still runs beside this one does not know the table, and needs not.

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels = None
depends_on = None

TABLE = "known_addresses"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("digest", sa.String(32), primary_key=True),
        sa.Column(
            "user_id",
            sa.String(22),
            sa.ForeignKey("users.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("last_login_at", sa.Double, nullable=False),
    )
    op.create_index(f"{TABLE}_user_id_idx", TABLE, ["user_id"])
    op.create_index(f"{TABLE}_last_login_at_idx", TABLE, ["last_login_at"])


def downgrade() -> None:
    op.drop_table(TABLE)
