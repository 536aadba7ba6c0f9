"""The version of an account; how and for which client a session was opened.

The defaults are for the release that still runs beside this one: it names none of the columns.

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    op.add_column("sessions", sa.Column("amr", sa.Text, nullable=False, server_default="pwd"))
    op.add_column(
        "sessions", sa.Column("client_id", sa.Text, nullable=False, server_default="authapi")
    )


def downgrade() -> None:
    with op.batch_alter_table("sessions") as sessions:
        sessions.drop_column("client_id")
        sessions.drop_column("amr")
    with op.batch_alter_table("users") as users:
        users.drop_column("version")
