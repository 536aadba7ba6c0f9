"""authapi inside your own FastAPI application: its routes below a path, its users in your routes.

    auth = Authapi(Settings(public_url="http://localhost:8000/auth"))
    app = FastAPI()
    auth.mount(app, "/auth")

    @app.get("/reports")
    async def reports(subject: auth.Subject) -> list[str]: ...

| the type of a parameter                            | what your route gets                      |
| -------------------------------------------------- | ----------------------------------------- |
| `auth.Subject`                                     | the claims of the request's credential,   |
| `Annotated[Claims, Depends(auth.subject)]`         | of any transport                          |
| `auth.User`                                        | the account: one query, on a thread       |
| `Annotated[User, Depends(auth.user)]`              |                                           |
| `Annotated[Claims, auth.require("reports:write")]` | the claims, if they are enough            |

mypy and pyright take no attribute of an object for a type: with them use the `Annotated` forms.

A refused request gets authapi's answer: 400, 401, 403 or 503 with the body of docs/errors.md. A
WebSocket is refused before it is accepted. Tests replace `auth.subject` and `auth.user` by
`app.dependency_overrides`; `require` asks them too. Or they start authapi itself: authapi.testing.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self
from urllib.parse import unquote, urlsplit

from fastapi import Depends, FastAPI, WebSocketException
from fastapi.params import Depends as Dependency
from fastapi.security import HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Scope, Send

from authapi.app import create_app
from authapi.clock import Clock
from authapi.clock import now as wall_clock
from authapi.config import Settings, load_settings
from authapi.db.users import Account
from authapi.errors import (
    SCOPE,
    CommandError,
    InsufficientScope,
    InsufficientUserAuthentication,
    Refusal,
    Unavailable,
)
from authapi.services.accounts.profile import get_profile
from authapi.verifier import Claims
from authapi.verifier.bearer import RefusedRequest
from authapi.verifier.fastapi import REFUSALS, RefusedHTTPException, answer_refusals
from authapi.verifier.required_log_in import RequiredLogIn
from authapi.web.credentials.authentication import authenticate, own_method
from authapi.web.credentials.csrf import HANDSHAKE
from authapi.web.error_handlers import note
from authapi.web.routers.well_known import OAUTH, OPENID
from authapi.web.schemas import Profile

__all__ = ["REFUSALS", "Authapi", "Claims", "User"]

POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1


@dataclass(frozen=True, slots=True)
class User:
    """An account, as `GET /me` answers it."""

    id: str
    email: str
    email_verified: bool
    username: str | None
    scopes: frozenset[str]
    created_at: datetime

    @classmethod
    def of(cls, account: Account) -> Self:
        profile = Profile.of(account)
        return cls(**{**dict(profile), "scopes": frozenset(profile.scopes)})


class Authapi:
    """The service, to be mounted, and the dependencies of your own routes.

    Settings are by default those of AUTHAPI_ variables and `.env`. Raises CommandError for settings
    that make no sense. Nothing is opened or written before your application starts.
    """

    def __init__(self, settings: Settings | None = None, *, clock: Clock = wall_clock) -> None:
        self.settings = settings or load_settings()
        self._clock = clock
        self._app: FastAPI | None = None
        self.subject = _Subject(self)

        async def user(
            connection: HTTPConnection, subject: Annotated[Claims, Depends(self.subject)]
        ) -> User:
            return await self._find_user(connection, subject)

        self.user = user
        self.Subject: Any = Annotated[Claims, Depends(self.subject)]
        self.User: Any = Annotated[User, Depends(user)]

    @property
    def app(self) -> FastAPI:
        """Return authapi's own application, as create_app makes it."""
        if self._app is None:
            self._app = create_app(self.settings, clock=self._clock)
        return self._app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def mount(self, app: FastAPI, path: str) -> None:
        """Let authapi answer below `path`, and start and stop with your application.

        Your exception handlers, OpenAPI, middleware and threads stay as they are. Raises
        CommandError unless the path of AUTHAPI_PUBLIC_URL ends with `path`.
        """
        path = path.rstrip("/")
        own_path = unquote(urlsplit(self.settings.public_url).path)
        if not path.startswith("/") or not own_path.endswith(path):
            raise CommandError(
                f"authapi is mounted at {path or '/'}, and AUTHAPI_PUBLIC_URL is "
                f"{self.settings.public_url}. The mount has to be a path such as /auth, and the "
                f"URL has to end with it: {self.settings.public_origin}{path or '/auth'}"
            )
        if own_path == path:
            # RFC 8414 section 3.1: between host and path. The others are asked at the host only,
            # which may have its own.
            names = [OAUTH + path, OPENID + path]
            names += ["webauthn"] if self.settings.passkey_origins else []
            pages = (self.settings.passkey_enroll_url, self.settings.passkey_manage_url)
            names += ["passkey-endpoints"] if any(pages) else []
            for name in names:
                app.add_route(f"/.well-known/{name}", self)  # type: ignore[arg-type]
        app.mount(path, self)
        answer_refusals(app)
        app.router.lifespan_context = self._around(app.router.lifespan_context)

    def require(
        self, *scopes: str, max_age: int | None = None, acr: str | None = None
    ) -> Dependency:
        """Return a dependency on the claims of a credential that is enough.

        It has all `scopes`, from a log-in at most `max_age` seconds ago and of the level `acr`
        (`aal2`: with a second factor). Raises ValueError for what no credential can have.
        """
        required = RequiredLogIn(max_age, acr)
        if not all(map(SCOPE.fullmatch, scopes)):
            raise ValueError("A scope is one word.")

        async def claims_that_are_enough(
            connection: HTTPConnection, subject: Annotated[Claims, Depends(self.subject)]
        ) -> Claims:
            with self.answering(connection):
                if not subject.scopes.issuperset(scopes):
                    raise InsufficientScope(sorted(scopes))
                if not required.is_met(subject, now=self._clock()):
                    raise InsufficientUserAuthentication(max_age, acr=acr)
            return subject

        return Dependency(claims_that_are_enough)

    def read(self, connection: HTTPConnection) -> Request:
        """Return the request as authapi reads it. The handshake of a WebSocket is a GET."""
        as_read = {"type": "http", "method": "GET"} if _is_socket(connection) else {}
        return Request({**connection.scope, **as_read, "app": self.app})

    @contextmanager
    def answering(self, connection: HTTPConnection) -> Iterator[None]:
        """Give a refusal of the block authapi's answer, and count it."""
        try:
            yield
        except Refusal as refusal:
            if self._app:  # or nothing runs: a test has replaced `subject`
                note(self.read(connection), refusal)
            if _is_socket(connection):
                raise WebSocketException(POLICY_VIOLATION, refusal.code) from refusal
            headers = dict(refusal.headers)
            answer = RefusedRequest(refusal.status, refusal.code, refusal.description, headers)
            raise RefusedHTTPException(answer) from refusal

    @contextmanager
    def replaced(self, settings: Settings, clock: Clock) -> Iterator[None]:
        """Run with other settings for the time of the block: see authapi.testing."""
        before = self.settings, self._clock, self._app
        self.settings, self._clock, self._app = settings, clock, None
        try:
            yield
        finally:
            self.settings, self._clock, self._app = before

    async def _find_user(self, connection: HTTPConnection, subject: Claims) -> User:
        runtime = self.app.state.runtime
        with self.answering(connection):
            account = await run_in_threadpool(get_profile, runtime.db, subject.sub)
        return User.of(account)

    def _around(
        self, lifespan: Callable[[Any], AbstractAsyncContextManager[Any]]
    ) -> Callable[[Any], AbstractAsyncContextManager[Any]]:
        """Return your application's lifespan within that of authapi."""

        @asynccontextmanager
        async def both(app: FastAPI) -> AsyncIterator[Any]:
            async with self.app.state.start_gate.running(), lifespan(app) as state:
                yield state

        return both


class _Subject(HTTPBearer):
    """The dependency on a request's credential, and FastAPI's scheme for your OpenAPI document."""

    def __init__(self, auth: Authapi) -> None:
        description = "The access token of a log-in at authapi."
        super().__init__(scheme_name="accessToken", bearerFormat="JWT", description=description)
        self._auth = auth

    async def __call__(self, connection: HTTPConnection) -> Claims:  # type: ignore[override]
        request = self._auth.read(connection)
        with self._auth.answering(connection):
            gate = request.app.state.start_gate
            if not (gate.is_open or await gate.try_to_open()):
                raise Unavailable
            return await authenticate(request, _handshake if _is_socket(connection) else own_method)


def _is_socket(connection: HTTPConnection) -> bool:
    return bool(connection.scope["type"] == "websocket")


def _handshake(_request: Request) -> str:
    return HANDSHAKE
