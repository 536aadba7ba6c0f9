"""An index for a user's list of sessions, page by page.

Revision: 0005, after 0003
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0003"
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


def downgrade() -> None:
    op.drop_index("sessions_in_force_idx", "sessions")
