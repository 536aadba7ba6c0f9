"""Logs events: after the transaction that makes them true, or at once."""

from typing import Any

from authapi.db.database import Transaction
from authapi.logs import log
from authapi.services.events.catalogue import ALARMING, Event


def record(tx: Transaction, event: Event) -> None:
    """Log the event after the commit of `tx`, and not at all without one."""
    tx.note_log_line(**_as_log_line(event))


def tell(event: Event) -> None:
    """Log an event at once: a refusal, or the work of one autocommitted statement."""
    log.write(**_as_log_line(event))


def _as_log_line(event: Event) -> dict[str, Any]:
    level = "warning" if event.type in ALARMING else "info"
    return {"event": event.type.value, "level": level, **event.fields}
