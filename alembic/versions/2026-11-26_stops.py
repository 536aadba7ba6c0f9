"""Stops: all sessions of an account end at one cost, however many there are.

The release that still runs opens sessions of generation 0. Where this release stopped the account
before, such a session is refused: its user logs in again. The reference from sessions to users
goes, because it changed every session's row when an account was deleted.

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("session_generation", sa.Integer, nullable=False, server_default="0")
    )
    with op.batch_alter_table("sessions") as sessions:
        sessions.add_column(sa.Column("generation", sa.Integer, nullable=False, server_default="0"))
        sessions.add_column(sa.Column("revoked_by_stop", sa.Boolean))
        sessions.drop_constraint("sessions_user_id_fkey", type_="foreignkey")
    op.create_table(
        "stops",
        sa.Column("user_id", sa.String(22), primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("stopped_at", sa.Double, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("followed_at", sa.Double),
    )
    op.create_index("stops_stopped_at_idx", "stops", ["stopped_at"])


def downgrade() -> None:
    # Sessions that are stopped, and whose rows don't say so yet, must not come to life again.
    op.execute(
        "UPDATE sessions SET revoked_at = stops.stopped_at, revoked_reason = stops.reason"
        " FROM stops WHERE sessions.user_id = stops.user_id"
        " AND sessions.generation < stops.generation AND sessions.revoked_at IS NULL"
    )
    op.drop_table("stops")
    op.execute(
        "UPDATE sessions SET user_id = NULL"
        " WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id)"
    )
    with op.batch_alter_table("sessions") as sessions:
        sessions.create_foreign_key(
            "sessions_user_id_fkey", "users", ["user_id"], ["id"], ondelete="SET NULL"
        )
        sessions.drop_column("revoked_by_stop")
        sessions.drop_column("generation")
    with op.batch_alter_table("users") as users:
        users.drop_column("session_generation")
