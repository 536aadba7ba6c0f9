"""A client of authapi for Python: an `httpx.Auth` that logs in, refreshes and retries once.

    auth = AuthapiAuth("https://auth.example", email="ada@example.com", password="…")
    httpx.Client(auth=auth).get("https://api.example/reports")

Needs httpx alone. It does what docs/refresh.md asks of a client: it makes the Idempotency-Key when
it stores a token, keeps both together until a refresh is answered, and logs a refused token out
before it logs in again.
"""

import secrets
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import TypeVar

import anyio
import httpx

# Refresh so long before the access token runs out, or a tenth of its life if that is less.
EARLY_SECONDS = 30.0

T = TypeVar("T")
Steps = Generator[httpx.Request, httpx.Response, T]


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
    ) -> None:
        self._base_url = base_url.rstrip("/")
        name = {"email": email} if email is not None else {"username": username}
        self._login = None if password is None else {**name, "password": password}
        self._stored = stored
        self._store = store
        self._access: _Access | None = None
        self._thread_lock = Lock()
        self._task_lock = anyio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
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
        request = self._request("/refresh", {"refresh_token": stored.refresh_token})
        request.headers["Idempotency-Key"] = stored.idempotency_key
        return request

    def _request(self, path: str, body: dict[str, str | None]) -> httpx.Request:
        return httpx.Request("POST", self._base_url + path, json=body)


def _next(steps: Steps[None], answer: httpx.Response) -> httpx.Request | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None
