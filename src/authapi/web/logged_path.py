"""The path of a request, as a log line holds it."""

from starlette.types import Scope

MAX_LOGGED_CHARACTERS = 1024


def logged_path(scope: Scope) -> str:
    """Return the beginning of the path. A log has to read all that it is given."""
    path: str = scope["path"]
    return path[:MAX_LOGGED_CHARACTERS]
