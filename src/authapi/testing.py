"""A whole authapi for your own tests, and clients that are logged in.

    with authapi_server(main.auth, main.app) as server:
        ada = server.client("ada@example.com", scopes=["reports:read"])
        assert ada.get("/reports").status_code == 200

| part of a server                   | is                                                          |
| ---------------------------------- | ----------------------------------------------------------- |
| `client(email, scopes=…)`          | an httpx.Client that is logged in: it asks your application |
| `async_client(email, scopes=…)`    | an httpx.AsyncClient that does the same                     |
| `token(email, scopes=…)`           | an access token                                             |
| `user(email, scopes=…)`            | the account, made if there is none; its password: PASSWORD  |
| `verifier`                         | a Verifier of its tokens, for a service of its own          |
| `mails(to)`                        | what was mailed so far                                      |
| `url`, `settings`, `app`           | the issuer, the settings in force, authapi's application    |

It keeps everything in a temporary folder. Passwords are hashed cheaply, no range service is asked,
and no AUTHAPI_LIMIT_ is on. All other settings are those of `auth`, or the defaults without it.
"""

import secrets
import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import uvicorn
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from authapi.clock import Clock
from authapi.clock import now as wall_clock
from authapi.config import Settings
from authapi.db import users
from authapi.embedded import Authapi, User
from authapi.errors import NotFound
from authapi.services.accounts.administration import change_scopes, get_by_email
from authapi.services.accounts.devices import Device
from authapi.services.accounts.profile import get_profile
from authapi.services.accounts.registration import NewUser, add_user
from authapi.verifier import Verifier
from authapi.verifier.testing import as_text
from authapi.web.runtime import Runtime

PASSWORD = "correct horse battery staple"  # noqa: S105
LOOPBACK = "127.0.0.1"
CLIENT = (LOOPBACK, 50_000)  # the address that requests in the process come from
DEVICE = Device(LOOPBACK, "python-httpx")
MAILS_SECONDS = 30.0
GRACE_SECONDS = 5


@contextmanager
def authapi_server(
    auth: Authapi | None = None,
    app: FastAPI | None = None,
    *,
    serve: bool = False,
    clock: Clock = wall_clock,
    **settings: object,
) -> Iterator["AuthServer"]:
    """Run authapi for the time of the block, and the lifespan of your application `app`.

    Without `auth`, nothing comes from your AUTHAPI_ variables. With it, the settings are the
    application's own, but for stores, mails, hashes, limits and the range service. `settings`
    replace some, as in `audience="reports"`. `serve` also listens on a free port of 127.0.0.1, for
    a browser or another language. `clock` returns Unix seconds.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="authapi-")))
        listener = stack.enter_context(socket.create_server((LOOPBACK, 0))) if serve else None
        address = f"http://{LOOPBACK}:{listener.getsockname()[1]}" if listener else None
        base = auth.settings if auth else Settings.model_construct()
        if address:
            settings = {"public_url": address + _path(base), **settings}
        given = _settings(base, folder, settings)
        auth = auth or Authapi(given)
        stack.enter_context(auth.replaced(given, clock))
        portal = stack.enter_context(start_blocking_portal())
        stack.callback(auth.app.state.start_gate.close)
        auth.app.state.start_gate.prepare()
        asked = _Asked(app or auth.app, "" if app else _path(given))
        if app:
            lifespan = portal.wrap_async_context_manager(app.router.lifespan_context(app))
            state = stack.enter_context(lifespan)
            asked.state = dict(state or {})
        if listener:
            stack.enter_context(_listening(portal, asked, auth.app.state.runtime, listener))
        base_url = (address or given.public_origin) + asked.root_path
        yield AuthServer(auth, asked, base_url, portal, _closing=stack, _is_served=serve)


@dataclass
class AuthServer:
    """What `authapi_server` yields: see the table of the module."""

    _auth: Authapi
    _asked: "_Asked"
    _base_url: str
    _portal: BlockingPortal
    _closing: ExitStack
    _is_served: bool

    @property
    def app(self) -> FastAPI:
        return self._auth.app

    @property
    def settings(self) -> Settings:
        return self._auth.settings

    @property
    def url(self) -> str:
        return self.settings.public_url

    @property
    def verifier(self) -> Verifier:
        """Return a verifier that knows keys and revocations at once, without a network."""
        return self._runtime.verifier

    def user(self, email: str, *, scopes: Iterable[str] | None = None) -> User:
        """Return the account. A new one is verified and has the password PASSWORD.

        Other scopes than before end the access tokens from before.
        """
        db, wanted = self._runtime.db, as_text(scopes or ())
        try:
            account = get_by_email(db, email)
        except NotFound:
            new, hasher = NewUser(email, PASSWORD, scopes=wanted), self._runtime.passwords.hasher
            account = add_user(db, hasher, new, self._runtime.usernames)
            with db.begin() as tx:
                users.verify_email(tx, account.id)
                # The first log-in is no news: a test reads the mails that it asked for.
                self._runtime.passwords.known_addresses.remember_registration(tx, account, DEVICE)
        if scopes is not None and set(account.scopes.split()) != set(wanted.split()):
            change_scopes(db, account.id, wanted)
        return User.of(get_profile(db, account.id))

    def token(self, email: str, *, scopes: Iterable[str] | None = None) -> str:
        """Return an access token from a new log-in."""
        answer = self._log_in(email, scopes, "bearer")
        return str(answer.json()["access_token"])

    def client(
        self, email: str, *, scopes: Iterable[str] | None = None, transport: str = "bearer"
    ) -> httpx.Client:
        """Return a client with a new session. It is closed at the end of the block.

        An exception of your application is raised, unless it is served. The transports are those
        of docs/transports.md; with a cookie the client sends the CSRF token too.
        """
        way = None if self._is_served else _InProcess(self._asked, self._portal)
        given = self._credentials(email, scopes, transport)
        return self._closing.enter_context(httpx.Client(transport=way, trust_env=False, **given))

    def async_client(
        self, email: str, *, scopes: Iterable[str] | None = None, transport: str = "bearer"
    ) -> httpx.AsyncClient:
        """Return the same for `async with`."""
        way = None if self._is_served else httpx.ASGITransport(self._asked, client=CLIENT)
        given = self._credentials(email, scopes, transport)
        return httpx.AsyncClient(transport=way, trust_env=False, **given)

    def mails(self, to: str | None = None) -> list[EmailMessage]:
        """Return the mails sent so far, the oldest first. Wait for those that are on their way.

        Raises TimeoutError for one that can't be sent.
        """
        ends_at = monotonic() + MAILS_SECONDS
        while self._runtime.mail_sender.depth()[0]:
            if monotonic() > ends_at:
                raise TimeoutError("A mail can't be sent: the log says why.")
            self._runtime.mail_sender.wake()
            sleep(0.01)
        folder = self.settings.mail_dir or Path()
        files = sorted(folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        mails = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]
        return [mail for mail in mails if to is None or mail["To"] == to]

    @property
    def _runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    def _credentials(
        self, email: str, scopes: Iterable[str] | None, transport: str
    ) -> dict[str, Any]:
        """Return the options of a client that is logged in."""
        answer = self._log_in(email, scopes, transport)
        body, headers = answer.json(), {}
        if "access_token" in body:
            headers["Authorization"] = f"Bearer {body['access_token']}"
        if "csrf_token" in body:
            headers["X-CSRF-Token"] = body["csrf_token"]
        return {"base_url": self._base_url, "headers": headers, "cookies": answer.cookies}

    def _log_in(self, email: str, scopes: Iterable[str] | None, transport: str) -> httpx.Response:
        self.user(email, scopes=scopes)
        asked = _Asked(self.app, _path(self.settings))
        with httpx.Client(transport=_InProcess(asked, self._portal)) as client:
            body = {"email": email, "password": PASSWORD, "transport": transport}
            return client.post(f"{self.url}/login", json=body).raise_for_status()


def _settings(base: Settings, folder: Path, given: dict[str, object]) -> Settings:
    """Return `base`, but for stores, mails, hashes, limits and the range service, with `given`.

    Without `auth`, nothing comes from your variables. With it, `base` is its own settings.
    """
    values = {name: getattr(base, name) for name in Settings.model_fields}
    values |= {name: "" for name in values if name.startswith("limit_")}
    values |= {
        "database_url": f"sqlite:///{folder}/authapi.db",
        "secret": secrets.token_urlsafe(32),
        "redis_url": None,
        "breached_passwords_url": None,
        "breached_passwords_fail_closed": False,
        "smtp_url": None,
        "mail_dir": folder / "mail",
        "hash_memory_kib": 1024,
        "hash_time_cost": 1,
        "purge": False,
    }
    return Settings(**{**values, **given, "_env_file": None})


@dataclass
class _Asked:
    """An application as a server asks it: with its lifespan's state, and below a path."""

    app: ASGIApp
    root_path: str
    state: dict[str, Any] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        own = {"state": self.state.copy(), "root_path": self.root_path}
        await self.app({**scope, **own}, receive, send)


@dataclass
class _InProcess(httpx.BaseTransport):
    """A transport without a socket, for clients that are not async."""

    app: ASGIApp
    portal: BlockingPortal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.portal.call(self._exchange, request)

    async def _exchange(self, request: httpx.Request) -> httpx.Response:
        request.read()
        transport = httpx.ASGITransport(self.app, client=CLIENT)
        answer = await transport.handle_async_request(request)
        assert isinstance(answer.stream, httpx.AsyncByteStream)
        content = b"".join([part async for part in answer.stream])
        return httpx.Response(answer.status_code, headers=answer.headers, content=content)


@contextmanager
def _listening(
    portal: BlockingPortal, app: ASGIApp, runtime: Runtime, listener: socket.socket
) -> Iterator[None]:
    config = uvicorn.Config(
        app,
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = uvicorn.Server(config)
    ended = portal.start_task_soon(server.serve, [listener])
    try:
        yield
    finally:
        runtime.revocations.pages.changed.close()  # requests that wait for news
        server.should_exit = True
        ended.result()


def _path(settings: Settings) -> str:
    return unquote(urlsplit(settings.public_url).path)
