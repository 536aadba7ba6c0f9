"""E-mail addresses are compared by the A-label of their domain: services/accounts/names.py.

Only addresses with a character beyond ASCII change. The release that still runs beside this one
finds their accounts by username and by session, and not by these addresses.

Two accounts can turn out to have one address. Both stay, with their sessions and usernames. The one
that was typed in ASCII is found by the address, else the older one. The log names the others' ids.

Revision: 0006, after 0005
"""

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import idna
import sqlalchemy as sa
import structlog
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels = None
depends_on = None

log = structlog.get_logger()  # noqa: TID251 - a migration stands alone

USERS = sa.table(
    "users",
    *(sa.column(name, sa.Text) for name in ("id", "email", "email_canonical")),
    sa.column("created_at", sa.Double),
)


def upgrade() -> None:
    _compare_by(_canonical_email)


def downgrade() -> None:
    _compare_by(_canonical)


def _compare_by(fold: Callable[[str], str]) -> None:
    connection = op.get_bind()
    if not _beyond_ascii(connection):
        return
    if connection.dialect.name == "postgresql":
        # Or a registration beside this could take a form between the look and the update.
        connection.execute(sa.text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))
    accounts = _beyond_ascii(connection)
    for account in accounts:
        _set(connection, account.id, f"{account.id} is moving")  # no address has a space
    shared = []
    for account in accounts:
        form = fold(account.email)
        if other := connection.scalar(sa.select(USERS.c.id).where(USERS.c.email_canonical == form)):
            shared.append({"found": other, "not_found": account.id})
            form = f"{form} {account.id}"
        _set(connection, account.id, form)
    if shared:
        log.warning("addresses_shared", user_ids=shared)


def _beyond_ascii(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    every = sa.select(USERS.c.id, USERS.c.email).order_by(USERS.c.created_at, USERS.c.id)
    rows = connection.execute(every, execution_options={"yield_per": 1000})
    return [row for row in rows if not row.email.isascii()]


def _set(connection: sa.Connection, user_id: str, form: str) -> None:
    connection.execute(sa.update(USERS).where(USERS.c.id == user_id).values(email_canonical=form))


# As the release of this migration has them: a later one may compare in another way.


def _canonical(text: str) -> str:
    while (folded := unicodedata.normalize("NFKC", text).casefold()) != text:
        text = folded
    return text


def _canonical_email(text: str) -> str:
    name, _, domain = text.rpartition("@")
    try:
        a_label = idna.encode(domain, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        return _canonical(text)
    return f"{_canonical(name)}@{a_label}"
