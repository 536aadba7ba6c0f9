"""Some changes need a fresh log-in: a session that was copied is not enough (RFC 9470).

`POST /reauth` makes one.
"""

from authapi.errors import InsufficientUserAuthentication
from authapi.verifier import Claims

MAX_AGE_SECONDS = 600


def require_fresh_login(subject: Claims, *, now: float, max_age: int = MAX_AGE_SECONDS) -> None:
    """Raise InsufficientUserAuthentication for a log-in that is over `max_age` seconds old."""
    auth_time = subject.raw.get("auth_time", 0)
    # Both in whole seconds, as the claim is.
    if int(now) - auth_time > max_age:
        raise InsufficientUserAuthentication(max_age)
