"""Whether a passkey has verified its user: only such a one logs in by itself.

The default is for those of before, which say so at their next use, and for the release that still
runs beside this one: it does not name the column.

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "passkeys",
        sa.Column("user_verified", sa.Boolean, nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    with op.batch_alter_table("passkeys") as passkeys:
        passkeys.drop_column("user_verified")
