"""Indexes for administration: lists of users, of administrators, of events by type and by actor.

Writes to the two tables wait until they are built, some seconds for a million rows; a request that
waits for more than 1.2 s is 503. Run it at a quiet hour. The release that still runs does without.

Revision: 0014, after 0013
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels = None
depends_on = None

ADMINISTERS = "replace(' ' || scopes || ' ', ' authapi:admin ', '') <> ' ' || scopes || ' '"
# name, table, columns, and which rows it has
INDEXES = (
    ("users_created_at_idx", "users", ["created_at", "id"], None),
    ("users_disabled_idx", "users", ["created_at", "id"], "disabled_at IS NOT NULL"),
    ("users_administrators_idx", "users", ["id"], ADMINISTERS),
    ("events_type_at_idx", "events", ["type", "at", "id"], None),
    ("events_actor_id_idx", "events", ["actor_id"], "actor_id IS NOT NULL"),
)


def upgrade() -> None:
    for name, table, columns, rows in INDEXES:
        where = None if rows is None else sa.text(rows)
        op.create_index(name, table, columns, postgresql_where=where, sqlite_where=where)


def downgrade() -> None:
    for name, table, _, _ in INDEXES:
        op.drop_index(name, table)
