"""An index for a user's list of sessions, page by page; usernames that were given up.

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels = None
depends_on = None

IN_FORCE = sa.text("revoked_at IS NULL")


def upgrade() -> None:
    op.create_index(
        "sessions_in_force_idx",
        "sessions",
        ["user_id", "last_used_at", "sid", "expires_at"],
        postgresql_where=IN_FORCE,
        sqlite_where=IN_FORCE,
    )
    op.create_table(
        "released_names",
        sa.Column("name_digest", sa.String(64), primary_key=True),
        sa.Column("user_id", sa.String(22), sa.ForeignKey("users.id", ondelete="SET NULL")),
        sa.Column("free_at", sa.Double, nullable=False),
    )
    op.create_index("released_names_user_id_idx", "released_names", ["user_id"])
    op.create_index("released_names_free_at_idx", "released_names", ["free_at"])


def downgrade() -> None:
    op.drop_table("released_names")
    op.drop_index("sessions_in_force_idx", "sessions")
