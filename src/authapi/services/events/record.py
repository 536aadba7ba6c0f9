"""Records events: a row in the transaction that makes them true, a log line after its commit."""

from typing import Any

from structlog.contextvars import get_contextvars

from authapi.crypto.ids import new_id
from authapi.db import events
from authapi.db.database import Transaction
from authapi.logs import log
from authapi.services.events.catalogue import ALARMING, ONLY_LOGGED, Event

# The names of columns, as events name them. All other fields are the event's details.
COLUMNS = {
    "user_id": "user_id",
    "sid": "session_id",
    "actor_id": "actor_id",
    "ip": "ip",
    "user_agent": "user_agent",
}


def record(tx: Transaction, event: Event) -> None:
    """Store the event with the rest of `tx`, and log it after the commit."""
    if event.type not in ONLY_LOGGED:
        values = {column: event.fields.get(name) for name, column in COLUMNS.items()}
        details = {name: value for name, value in event.fields.items() if name not in COLUMNS}
        request_id = get_contextvars().get("request_id")
        stored = {"id": new_id(), "type": event.type.value, "request_id": request_id, **values}
        events.add(tx, stored, details)
    tx.note_log_line(**_as_log_line(event))


def tell(event: Event) -> None:
    """Log an event at once, without a row: a refusal, which a stranger could repeat for ever."""
    log.write(**_as_log_line(event))


def _as_log_line(event: Event) -> dict[str, Any]:
    level = "warning" if event.type in ALARMING else "info"
    return {"event": event.type.value, "level": level, **event.fields}
