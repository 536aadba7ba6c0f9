"""The table `processes`: one row per process that serves, for as long as it does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from sqlalchemy import Connection, delete, insert, select, update

from authapi.db.clock import db_now
from authapi.db.models import Process


@dataclass(frozen=True, slots=True)
class Running:
    """What a process tells of itself: see models.Process."""

    id: str
    host: str
    version: str
    settings: str = field(repr=False)
    requests: int
    forwarded: int
    forwarder: str | None


_TOLD = [getattr(Process, column.name) for column in fields(Running)]


def write(connection: Connection, running: Running) -> None:
    """Write the process's row; it was seen now."""
    values = {**asdict(running), "seen_at": db_now()}
    again = update(Process).where(Process.id == running.id).values(**values)
    if not connection.execute(again).rowcount:
        connection.execute(insert(Process).values(**values, started_at=db_now()))


def remove(connection: Connection, process_id: str) -> None:
    """Remove the row of a process that stops."""
    connection.execute(delete(Process).where(Process.id == process_id))


def list_seen(connection: Connection, seconds: float) -> Sequence[Running]:
    """Return the processes that were seen within so many seconds, the oldest first."""
    seen = select(*_TOLD).where(Process.seen_at > db_now() - seconds)
    return [Running(*row) for row in connection.execute(seen.order_by(Process.started_at))]
