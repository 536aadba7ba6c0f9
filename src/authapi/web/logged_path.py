"""The path of a request: as a log line holds it, and whether a log or a trace is for it."""

from starlette.types import Scope

from authapi.web.route_path import route_path

MAX_LOGGED_CHARACTERS = 1024
# Machines ask these many times a second, and keep logs of their own.
REPEATED_PATHS = frozenset({"/verify", "/healthz", "/readyz"})


def is_repeated(scope: Scope) -> bool:
    """Return whether a machine repeats this request: no log line and no trace is for it."""
    path: str = scope["path"]
    if path in REPEATED_PATHS:  # a short cut
        return True
    return f"/{route_path(scope)[1:].partition('/')[0]}" in REPEATED_PATHS


def logged_path(scope: Scope) -> str:
    """Return the beginning of the path. A log has to read all that it is given."""
    path: str = scope["path"]
    return path[:MAX_LOGGED_CHARACTERS]
