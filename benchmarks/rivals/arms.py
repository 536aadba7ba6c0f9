"""How each rival is started, filled and asked. The harness runs all commands in the repository."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.ours import UVICORN

PYTHON = ".venv-rivals/bin/python"
# fastapi-users can't be installed beside the SQLAlchemy that the others run on.
FASTAPI_USERS_PYTHON = ".venv-rivals-fastapi-users/bin/python"
EXPRESS = "benchmarks/rivals/express"

DATABASE = "DATABASE_URL"  # postgresql://..., of an empty database
REDIS = "REDIS_URL"
GUNICORN = "-m gunicorn --workers 1 --worker-class gthread --threads 4 --log-level=warning --bind"


@dataclass(frozen=True, slots=True)
class Arm:
    """One rival. In its commands, {port} stands for the port.

    `fill` makes tables and users while the server runs, and prints a JSON line for each user: one
    or two of `access_token` (for Authorization: Bearer), `refresh_token`, and `cookie` (for
    Cookie). An arm without it verifies our tokens by the key in JWT_PUBLIC_KEY.
    `refresh` is the path of a POST and the name of the refresh token in its bodies.
    """

    name: str
    server: tuple[str, ...]
    me: str = "/me"
    ready: str = "/up"
    refresh: tuple[str, str] = ("/refresh", "refresh_token")
    needs: str = ""  # an environment variable that the harness sets for both commands
    environment: Mapping[str, str] = field(default_factory=dict)
    fill: tuple[str, ...] = ()


def _uvicorn(app: str, python: str = PYTHON) -> tuple[str, ...]:
    # uvloop is named, so that a missing one is a failure and not a slower rival.
    return (python, *UVICORN.split(), "{port}", f"benchmarks.rivals.{app}:app")


def _fill(module: str, python: str = PYTHON) -> tuple[str, ...]:
    return (python, "-m", "benchmarks.rivals.fill", module)


def _fastapi_users(strategy: str) -> Arm:
    return Arm(
        f"fastapi_users_{strategy}",
        _uvicorn("fastapi_users_app", FASTAPI_USERS_PYTHON),
        me="/users/me",
        needs=DATABASE,
        environment={"STRATEGY": strategy},
        fill=_fill("fastapi_users_app", FASTAPI_USERS_PYTHON),
    )


BARE_ASGI = Arm("bare_asgi", _uvicorn("bare_asgi"), me="/", ready="/")
BARE_FASTAPI = Arm("bare_fastapi", _uvicorn("bare_fastapi"))
BARE_FASTAPI_REFRESH = Arm(
    "bare_fastapi_refresh",
    _uvicorn("bare_fastapi_refresh"),
    needs=DATABASE,
    fill=_fill("bare_fastapi_refresh"),
)
TUTORIAL = Arm("tutorial", _uvicorn("tutorial"), me="/users/me", fill=_fill("tutorial"))
PYJWT_ES256 = Arm("pyjwt_es256", _uvicorn("pyjwt_es256"))
FASTAPI_USERS_JWT = _fastapi_users("jwt")
FASTAPI_USERS_DATABASE = _fastapi_users("database")
SIMPLEJWT = Arm(
    "simplejwt",
    (PYTHON, *GUNICORN.split(), "127.0.0.1:{port}", "benchmarks.rivals.simplejwt.wsgi"),
    refresh=("/token/refresh", "refresh"),
    needs=DATABASE,
    environment={"DJANGO_SETTINGS_MODULE": "benchmarks.rivals.simplejwt.settings"},
    fill=_fill("simplejwt.users"),
)
PRODUCTION = {"NODE_ENV": "production"}
EXPRESS_JWT = Arm("express_jwt", ("node", f"{EXPRESS}/jwt.js", "{port}"), environment=PRODUCTION)
EXPRESS_SESSION = Arm(
    "express_session",
    ("node", f"{EXPRESS}/session.js", "{port}"),
    needs=REDIS,
    environment=PRODUCTION,
    fill=("node", f"{EXPRESS}/sessions.js", "{port}"),
)
