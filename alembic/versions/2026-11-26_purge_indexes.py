"""Indexes by which a purge finds what is old, and those who follow a stop find what is new.

Writes to these tables wait until all five are built, about a second for a million sessions; a
request that waits for more than 1.2 s is 503. Run it at a quiet hour. They are not built
concurrently, since a migration is one transaction. The release that still runs does without.

Revision: 0011, after 0010
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels = None
depends_on = None

# name, table, column, and which rows it has
INDEXES = (
    ("sessions_expires_at_idx", "sessions", "expires_at", None),
    ("links_expires_at_idx", "links", "expires_at", None),
    ("outbox_sent_at_idx", "outbox", "sent_at", "sent_at IS NOT NULL"),
    ("outbox_failed_at_idx", "outbox", "failed_at", "failed_at IS NOT NULL"),
    ("stops_unfollowed_idx", "stops", "stopped_at", "followed_at IS NULL"),
)


def upgrade() -> None:
    for name, table, column, rows in INDEXES:
        where = None if rows is None else sa.text(rows)
        op.create_index(name, table, [column], postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
