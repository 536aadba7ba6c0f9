"""The only reader of the wall clock. Everywhere else, time is an argument.

Every time in authapi is Unix seconds (RFC 7519 NumericDate): a float in Python and in the
database, an int inside tokens, ISO 8601 in the JSON that describes a user or a session.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], float]


def now() -> float:
    """Return the present moment in Unix seconds."""
    return time.time()


def as_datetime(moment: float) -> datetime:
    """Return Unix seconds as an aware UTC datetime."""
    return datetime.fromtimestamp(moment, UTC)
