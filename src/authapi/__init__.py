"""authapi: log-in with access tokens that can be revoked.

`authapi.create_app(settings)` makes the application; `authapi.verifier` is for other services.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from authapi.app import create_app as create_app

__all__ = ["create_app"]


def __getattr__(name: str) -> object:
    # Not at import: whoever imports authapi.verifier needs neither the server nor its packages.
    if name == "create_app":
        from authapi.app import create_app

        return create_app
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
