"""How each rival is started, filled and asked. The harness runs all commands in the repository."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

PYTHON = ".venv-rivals/bin/python"
# fastapi-users can't be installed beside the SQLAlchemy that the others run on.
FASTAPI_USERS_PYTHON = ".venv-rivals-fastapi-users/bin/python"
EXPRESS = "benchmarks/rivals/express"

DATABASE = ("DATABASE_URL",)  # postgresql://..., of an empty database
REDIS = ("REDIS_URL",)
KEY = ("JWT_PUBLIC_KEY", "JWT_ISSUER", "JWT_AUDIENCE")  # the key as PEM

PASSWORD = "correct+horse+battery+staple"  # noqa: S105 - of users that live for one run
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Login:
    """A POST that succeeds, again and again, once `prepare` made at least one user."""

    path: str
    content_type: str
    body: str


@dataclass(frozen=True, slots=True)
class Refresh:
    """A POST of `{"<field>": "<refresh_token of a credential>"}`.

    `rotates`: each token serves once, and the answer's field of that name is the next one.
    """

    path: str
    field: str
    rotates: bool


@dataclass(frozen=True, slots=True)
class Arm:
    """One rival. `needs` are the environment variables that the harness sets for every command.

    A credential is a JSON line with one or two of `access_token` (for Authorization: Bearer),
    `refresh_token`, and `cookie` (as it is, for Cookie). Where an arm that needs a key has no
    command for them, the harness signs the tokens.
    """

    name: str
    server: tuple[str, ...]
    me: str | None = "/me"
    ready: str = "/up"
    login: Login | None = None
    refresh: Refresh | None = None
    needs: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    filler: tuple[str, ...] = ()

    def start(self, port: int) -> list[str]:
        """One process in the foreground; SIGTERM ends it."""
        return _with_port(self.server, port)

    def prepare(self, users: int) -> list[str] | None:
        """Run once, before `start`, on an empty database: makes tables and so many users."""
        if "DATABASE_URL" not in self.needs:
            return None
        return [*self.filler, "prepare", str(users)]

    def credentials(self, count: int, port: int) -> list[str] | None:
        """Run while the server listens on `port`, after `prepare`; None if there is none."""
        if not self.filler:
            return None
        return [*_with_port(self.filler, port), "credentials", str(count)]


def _with_port(command: tuple[str, ...], port: int) -> list[str]:
    return [word.format(port=port) for word in command]


def _uvicorn(app: str, python: str = PYTHON) -> tuple[str, ...]:
    # Named, so that a missing uvloop is a failure and not a slower rival. The rest is what
    # `authapi serve` does.
    command = "-m uvicorn --host 127.0.0.1 --port {port} --loop uvloop --http httptools"
    quiet = "--log-level warning --no-access-log --no-server-header --no-proxy-headers"
    return (python, *command.split(), *quiet.split(), f"benchmarks.rivals.{app}:app")


def _filler(name: str, python: str = PYTHON) -> tuple[str, ...]:
    return (python, "-m", f"benchmarks.rivals.data.{name}")


BARE_ASGI = Arm("bare_asgi", _uvicorn("bare_asgi"), me="/", ready="/")
BARE_FASTAPI = Arm("bare_fastapi", _uvicorn("bare_fastapi"))
BARE_FASTAPI_REFRESH = Arm(
    "bare_fastapi_refresh",
    _uvicorn("bare_fastapi_refresh"),
    me=None,
    refresh=Refresh("/refresh", "refresh_token", rotates=False),
    needs=DATABASE,
    filler=_filler("bare_fastapi_refresh"),
)
TUTORIAL = Arm(
    "tutorial",
    _uvicorn("tutorial"),
    me="/users/me",
    login=Login("/token", FORM, "username=johndoe&password=secret"),
    filler=_filler("tutorial"),
)
PYJWT_ES256 = Arm("pyjwt_es256", _uvicorn("pyjwt_es256"), needs=KEY)
FASTAPI_USERS_JWT = Arm(
    "fastapi_users_jwt",
    _uvicorn("fastapi_users_app.jwt_app", FASTAPI_USERS_PYTHON),
    me="/users/me",
    login=Login("/auth/jwt/login", FORM, f"username=user-0@example.com&password={PASSWORD}"),
    needs=DATABASE,
    filler=_filler("fastapi_users_jwt", FASTAPI_USERS_PYTHON),
)
FASTAPI_USERS_DATABASE = Arm(
    "fastapi_users_database",
    _uvicorn("fastapi_users_app.database_app", FASTAPI_USERS_PYTHON),
    me="/users/me",
    login=Login("/auth/db/login", FORM, f"username=user-0@example.com&password={PASSWORD}"),
    needs=DATABASE,
    filler=_filler("fastapi_users_database", FASTAPI_USERS_PYTHON),
)
GUNICORN = "-m gunicorn --bind 127.0.0.1:{port} --workers 1 --worker-class gthread --threads 4"
SIMPLEJWT = Arm(
    "simplejwt",
    (PYTHON, *GUNICORN.split(), "--log-level=warning", "benchmarks.rivals.simplejwt.wsgi"),
    login=Login(
        "/token", JSON, '{"username": "user-0", "password": "correct horse battery staple"}'
    ),
    refresh=Refresh("/token/refresh", "refresh", rotates=True),
    needs=DATABASE,
    environment=MappingProxyType(
        {"DJANGO_SETTINGS_MODULE": "benchmarks.rivals.simplejwt.settings"}
    ),
    filler=_filler("simplejwt"),
)
PRODUCTION = MappingProxyType({"NODE_ENV": "production"})
EXPRESS_JWT = Arm(
    "express_jwt",
    ("node", f"{EXPRESS}/jwt.js", "{port}"),
    needs=KEY,
    environment=PRODUCTION,
)
EXPRESS_SESSION = Arm(
    "express_session",
    ("node", f"{EXPRESS}/session.js", "{port}"),
    login=Login("/login", JSON, '{"sub": "Jx3dVbPq0sZk5TnW8yRcLg"}'),
    needs=REDIS,
    environment=PRODUCTION,
    filler=("node", f"{EXPRESS}/sessions.js", "{port}"),
)

ARMS = (
    BARE_ASGI,
    BARE_FASTAPI,
    BARE_FASTAPI_REFRESH,
    TUTORIAL,
    PYJWT_ES256,
    FASTAPI_USERS_JWT,
    FASTAPI_USERS_DATABASE,
    SIMPLEJWT,
    EXPRESS_JWT,
    EXPRESS_SESSION,
)
