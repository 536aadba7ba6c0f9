"""A pooler, such as PgBouncer, that gives each transaction another server.

What is set for a session there is lost, or is another client's. So each transaction sets what it
needs for itself, nothing is prepared under a name, and nobody listens.
"""

import re
from collections.abc import Iterator

import psycopg
from sqlalchemy import Select, func, select, true

# One setting of libpq's `options`: `-c name=value` or `--name=value`. A backslash keeps a space.
SETTING = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\\\s])*)", re.DOTALL)


def is_between(connection: psycopg.Connection) -> bool:
    """Return whether a pooler answers: it makes up the process id that a client gets."""
    row = connection.execute("SELECT pg_backend_pid()", prepare=False).fetchone()
    assert row is not None
    return bool(row[0] != connection.info.backend_pid)


def settings_of(options: str) -> Iterator[tuple[str, str]]:
    """Yield the settings in libpq's `options`."""
    for name, value in SETTING.findall(options):
        # BEGIN names the isolation; the default would come too late.
        if name != "default_transaction_isolation":
            yield name.replace("-", "_"), re.sub(r"\\(.)", r"\1", value)


def for_one_transaction(options: str) -> Select[tuple[str, ...]]:
    """Return the statement that sets `options` until the transaction ends."""
    settings = settings_of(options)
    return select(*(func.set_config(name, value, true()) for name, value in settings))
