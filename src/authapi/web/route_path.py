"""The path of a request below the root path, as Starlette's router reads it."""

from starlette.types import Scope


def route_path(scope: Scope) -> str:
    """Return the path. The root path is cut off only where a whole segment ends."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    if root and path.startswith(root) and path[len(root) : len(root) + 1] in ("", "/"):
        return path[len(root) :]
    return path
