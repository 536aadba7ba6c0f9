"""A client of authapi for Python: an `httpx.Auth` that logs in, refreshes and retries once.

    api = "https://api.example"
    auth = AuthapiAuth(
        "https://auth.example", email="ada@example.com", password="…", origins=[api], resource="api"
    )
    httpx.Client(auth=auth).get(f"{api}/reports")

Needs httpx alone. The token goes to the named origins only; a password or a refresh token goes to
authapi only, and along no redirect. It does what docs/refresh.md asks of a client: it makes the
Idempotency-Key when it stores a token, keeps both together until a refresh is answered, and logs a
refused token out before it logs in again.
"""

import secrets
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from dataclasses import dataclass, field
from ipaddress import ip_address
from threading import Lock
from time import monotonic
from typing import NoReturn, TypeVar

import anyio
import httpx

# Refresh so long before the access token runs out, or a tenth of its life if that is less.
EARLY_SECONDS = 30.0

T = TypeVar("T")
Steps = Generator[httpx.Request, httpx.Response, T]
Origin = tuple[str, bytes, int | None]


class LoginNeededError(Exception):
    """The session has ended, and there is no password to begin another."""


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """A refresh token and the Idempotency-Key for its use, to be kept across processes."""

    refresh_token: str = field(repr=False)
    idempotency_key: str = field(repr=False)


@dataclass(slots=True)
class _Access:
    token: str
    refresh_at: float  # on the monotonic clock: the server's and ours need not agree


class AuthapiAuth(httpx.Auth):
    """For `httpx.Client(auth=…)` and `httpx.AsyncClient(auth=…)`, one for any number of requests.

    Give `email` or `username` and `password`, or `stored` tokens of an earlier process, or both;
    `store` is called with the new ones whenever they change, before the request goes on.
    Only requests to `origins` get the token, by default those to authapi itself. `resource` names
    the one service that the token is good at. Raises ValueError for http to another machine.
    Requests raise LoginNeededError, or httpx.HTTPStatusError where authapi answers another error.
    """

    requires_response_body = True

    def __init__(
        self,
        base_url: str,
        *,
        email: str | None = None,
        username: str | None = None,
        password: str | None = None,
        stored: StoredTokens | None = None,
        store: Callable[[StoredTokens], None] = lambda _tokens: None,
        origins: Iterable[str] | None = None,
        resource: str | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        own = _read_origin(base_url)
        self._origins = {own} if origins is None else {_read_origin(one) for one in origins}
        self._target = {} if resource is None else {"resource": resource}
        name = {"email": email} if email is not None else {"username": username}
        self._login = None if password is None else {**name, "password": password, **self._target}
        self._stored = stored
        self._store = store
        self._access: _Access | None = None
        self._thread_lock = Lock()
        self._task_lock = anyio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if not self._may_have_token(request):
            yield request
            return
        refused: _Access | None = None
        for _ in range(2):
            if self._needs_renewal(refused):
                with self._thread_lock:
                    steps = self._renew(refused)
                    asked = next(steps, None)
                    while asked:
                        answer = yield asked
                        answer.read()
                        asked = _next(steps, answer)
            refused = self._authorize(request)
            if (yield request).status_code != httpx.codes.UNAUTHORIZED:
                return

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if not self._may_have_token(request):
            yield request
            return
        refused: _Access | None = None
        for _ in range(2):
            if self._needs_renewal(refused):
                async with self._task_lock:
                    steps = self._renew(refused)
                    asked = next(steps, None)
                    while asked:
                        answer = yield asked
                        await answer.aread()
                        asked = _next(steps, answer)
            refused = self._authorize(request)
            if (yield request).status_code != httpx.codes.UNAUTHORIZED:
                return

    def _may_have_token(self, request: httpx.Request) -> bool:
        return _origin(request.url) in self._origins

    def _needs_renewal(self, refused: _Access | None) -> bool:
        access = self._access
        return access is None or access is refused or access.refresh_at <= monotonic()

    def _authorize(self, request: httpx.Request) -> _Access | None:
        access = self._access
        if access:
            request.headers["Authorization"] = f"Bearer {access.token}"
        return access

    def _renew(self, refused: _Access | None) -> Steps[None]:
        """Log in or refresh. The caller holds the lock: another may have renewed meanwhile."""
        if not self._needs_renewal(refused):
            return
        if self._stored and (yield from self._refresh(self._stored)):
            return
        if self._login is None:
            raise LoginNeededError("The session has ended: log in again.")
        self._take((yield self._request("/login", self._login)), None)

    def _refresh(self, sent: StoredTokens) -> Steps[bool]:
        """Return whether the session goes on. Raises httpx.HTTPStatusError if nobody can tell."""
        answer = yield self._refresh_request(sent)
        if answer.status_code == httpx.codes.BAD_REQUEST:
            # The key was used before, and the answer was lost.
            sent = self._replace(sent, sent.refresh_token) or sent
            answer = yield self._refresh_request(sent)
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            self._take(answer, sent)
            return True
        if self._stored is not sent:
            return True
        # Cut off a thief who stole the key as well.
        yield self._request("/logout", {"refresh_token": sent.refresh_token})
        self._stored = self._access = None
        return False

    def _take(self, answer: httpx.Response, sent: StoredTokens | None) -> None:
        answer.raise_for_status()
        pair = answer.json()
        if self._stored is sent:
            life = float(pair["expires_in"])
            self._access = _Access(
                pair["access_token"], monotonic() + life - min(EARLY_SECONDS, life / 10)
            )
            self._replace(sent, pair["refresh_token"])

    def _replace(self, sent: StoredTokens | None, refresh_token: str) -> StoredTokens | None:
        """Hold the token with a new key, if `sent` is still held; return what is held then.

        A sync and an async client may share this object, and have a lock each. The key is made and
        stored before it is first sent.
        """
        if self._stored is sent:
            self._stored = StoredTokens(refresh_token, secrets.token_urlsafe(24))
            self._store(self._stored)
        return self._stored

    def _refresh_request(self, stored: StoredTokens) -> httpx.Request:
        body = {"refresh_token": stored.refresh_token, **self._target}
        request = self._request("/refresh", body)
        request.headers["Idempotency-Key"] = stored.idempotency_key
        return request

    def _request(self, path: str, body: Mapping[str, str | None]) -> httpx.Request:
        request = httpx.Request("POST", self._base_url + path, json=body)
        request.url, request.stream = _FinalUrl(request.url), _SentOnce(request.content)
        return request


class _FinalUrl(httpx.URL):
    """A URL that no redirect leads away from: httpx asks for the fragment before it follows one."""

    @property
    def fragment(self) -> NoReturn:
        raise httpx.TooManyRedirects(
            "authapi answered with a redirect, which is never followed: use its final address."
        )


class _SentOnce(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that can't be sent a second time, to whoever a redirect names."""

    def __init__(self, content: bytes) -> None:
        self._content = [content]

    def __iter__(self) -> Iterator[bytes]:
        if not self._content:
            raise httpx.StreamConsumed
        yield self._content.pop()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.raw_host, url.port  # httpx makes a usual port None


def _read_origin(text: str) -> Origin:
    """Return the origin of a URL. Raises ValueError unless a token may be sent there."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        # Not quoted: it may hold a password.
        raise ValueError("An origin is a URL without a password, such as https://api.example.")
    if url.scheme == "http" and not _is_loopback(url.host):
        raise ValueError(f"Over http anybody on the way to {url.host} reads the token: use https.")
    return _origin(url)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _next(steps: Steps[None], answer: httpx.Response) -> httpx.Request | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None
