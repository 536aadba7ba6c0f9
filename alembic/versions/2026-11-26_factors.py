"""Second factors, passkeys, identities, and log-ins that wait for a second factor.

The release that runs beside this one asks for no second factor: enrol none until it is gone.

Revision: 0015, after 0014
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels = None
depends_on = None

ID = sa.String(22)
DIGEST = sa.String(43)
TABLES = (
    *("spent_challenges", "auth_sessions", "identities", "passkeys"),
    *("recovery_codes", "totp_secrets", "factors"),
)
INDEXES = (
    ("factors", "user_id"),
    ("recovery_codes", "factor_id"),
    ("auth_sessions", "user_id"),
    ("auth_sessions", "expires_at"),
    ("spent_challenges", "expires_at"),
)


def _of(table: str, *columns: sa.Column, primary: bool = True, extra: tuple = ()) -> None:
    """Create a table whose rows belong to a factor."""
    foreign = sa.ForeignKey("factors.id", ondelete="CASCADE", name=f"{table}_factor_id_fkey")
    factor_id = sa.Column("factor_id", ID, foreign, nullable=False)
    key = "factor_id" if primary else "digest"
    op.create_table(
        table, factor_id, *columns, sa.PrimaryKeyConstraint(key, name=f"{table}_pkey"), *extra
    )


def _of_user(table: str) -> sa.Column:
    foreign = sa.ForeignKey("users.id", ondelete="CASCADE", name=f"{table}_user_id_fkey")
    return sa.Column("user_id", ID, foreign, nullable=False)


def upgrade() -> None:
    op.add_column(
        "users", sa.Column("second_factors", sa.SmallInteger, nullable=False, server_default="0")
    )
    op.create_table(
        "factors",
        sa.Column("id", ID, nullable=False),
        _of_user("factors"),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("confirmed_at", sa.Double),
        sa.Column("last_used_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="factors_pkey"),
    )
    _of(
        "totp_secrets",
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger, nullable=False),
    )
    _of(
        "recovery_codes",
        sa.Column("digest", DIGEST, nullable=False),
        sa.Column("used_at", sa.Double),
        primary=False,
    )
    _of(
        "passkeys",
        sa.Column("credential_id", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("backup_eligible", sa.Boolean, nullable=False),
        sa.Column("backed_up", sa.Boolean, nullable=False),
        sa.Column("transports", sa.Text, nullable=False),
        extra=(sa.UniqueConstraint("credential_id", name="passkeys_credential_id_key"),),
    )
    _of(
        "identities",
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        extra=(sa.UniqueConstraint("issuer", "subject", name="identities_issuer_key"),),
    )
    op.create_table(
        "auth_sessions",
        sa.Column("digest", DIGEST, nullable=False),
        _of_user("auth_sessions"),
        sa.Column("account_version", sa.Integer, nullable=False),
        sa.Column("amr", sa.Text, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("resource", sa.Text),
        sa.Column("remember", sa.Boolean, nullable=False),
        sa.Column("came_with", sa.Text, nullable=False),
        sa.Column("replaces", ID),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("used_at", sa.Double),
        sa.Column("failures", sa.SmallInteger, nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("digest", name="auth_sessions_pkey"),
    )
    op.create_table(
        "spent_challenges",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id", name="spent_challenges_pkey"),
    )
    for table, column in INDEXES:
        op.create_index(f"{table}_{column}_idx", table, [column])
    unconfirmed = sa.text("confirmed_at IS NULL")
    op.create_index(
        "factors_created_at_idx",
        "factors",
        ["created_at"],
        postgresql_where=unconfirmed,
        sqlite_where=unconfirmed,
    )


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    with op.batch_alter_table("users") as users:
        users.drop_column("second_factors")
