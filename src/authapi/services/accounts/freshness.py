"""Some changes need a fresh log-in: a session that was copied is not enough (RFC 9470).

`POST /reauth` makes one.
"""

from authapi.errors import InsufficientUserAuthentication
from authapi.verifier import Claims
from authapi.verifier.required_log_in import RequiredLogIn

MAX_AGE_SECONDS = 600


def require_fresh_login(subject: Claims, *, now: float, max_age: int = MAX_AGE_SECONDS) -> None:
    """Raise InsufficientUserAuthentication for a log-in that is over `max_age` seconds old."""
    if not RequiredLogIn(max_age).is_met(subject, now=now):
        raise InsufficientUserAuthentication(max_age)
