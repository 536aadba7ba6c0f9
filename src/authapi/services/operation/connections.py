"""How many connections the processes may open, and whether PostgreSQL allows so many.

20  requests
 7  mails
 2  the poll, and its notifications
 1  the rows of sessions that a stop has ended
 1  the purge, while it runs
 1  this process's row in `processes`, for a moment
32  MOST_OF_A_PROCESS
"""

from authapi.db.database import MAX_CONNECTIONS, Database
from authapi.db.server_settings import read_most_connections
from authapi.logs import log
from authapi.services.mail.sending import MAIL_CONNECTIONS

MOST_OF_A_PROCESS = MAX_CONNECTIONS + MAIL_CONNECTIONS + 5
REMEDY = (
    "Raise max_connections, or start fewer --workers, or put PgBouncer between: docs/operations.md."
)


def tell_connections(db: Database, processes: int) -> None:
    """Log how many connections so many processes may open. Warn if PostgreSQL allows fewer.

    Nothing is logged for SQLite, or behind a pooler. Raises Unavailable.
    """
    with db.connect() as connection:
        allowed = read_most_connections(connection)
    if allowed is None:
        return
    numbers = {"processes": processes, "most": processes * MOST_OF_A_PROCESS, "allowed": allowed}
    log.info("database_connections", **numbers)
    if problem := too_many(processes, allowed):
        log.warning("too_many_database_connections", reason=problem, remedy=REMEDY)


def too_many(processes: int, allowed: int) -> str | None:
    """Return a sentence if so many processes may open more connections than are allowed."""
    most = processes * MOST_OF_A_PROCESS
    if most <= allowed:
        return None
    each = f"{processes} processes with {MOST_OF_A_PROCESS} connections each"
    return f"{each} may open {most}, and PostgreSQL allows {allowed}: under load requests are 503."
