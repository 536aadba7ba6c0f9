"""A client of authapi for Python: an `httpx.Auth` that logs in, refreshes and retries once.

    api = "https://api.example"
    auth = AuthapiAuth(
        "https://auth.example", email="ada@example.com", password="…", origins=[api], resource="api"
    )
    httpx.Client(auth=auth).get(f"{api}/reports")

Needs httpx alone. The token goes to the named origins only; a password or a refresh token goes to
authapi only, and along no redirect. It does what docs/refresh.md asks of a client: it makes the
Idempotency-Key when it stores a token, keeps both together until a refresh is answered, and logs a
refused token out before it logs in again. A 429 or a 5xx of authapi's is asked again after a wait.
"""

import logging
import secrets
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterable,
    Mapping,
)
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic, sleep

import anyio
import httpx

from authapi.client.answers import Ask, Steps, bound, pair_of, patiently
from authapi.client.own_requests import (
    FinalUrl,
    SentOnce,
    can_be_sent_again,
    origin_of,
    read_origin,
)

# Refresh so long before the access token runs out, or a tenth of its life if that is less.
EARLY_SECONDS = 30.0

log = logging.getLogger("authapi.client")


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
    `store` is called with the new ones whenever they change, before the request goes on. If it
    raises, the request goes on too, and the next one tries it again.
    Only requests to `origins` get the token, by default those to authapi itself. `resource` names
    the one service that the token is good at. Raises ValueError for http to another machine.
    Requests raise LoginNeededError, httpx.HTTPStatusError where authapi answers another error, and
    UnexpectedAnswerError. A 401 is handed on if the request's body can't be sent twice.
    """

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
        own = read_origin(base_url)
        self._origins = {own} if origins is None else {read_origin(one) for one in origins}
        self._target = {} if resource is None else {"resource": resource}
        name = {"email": email} if email is not None else {"username": username}
        self._login = None if password is None else {**name, "password": password, **self._target}
        self._stored = stored
        self._store = store
        self._is_stored = True
        self._access: _Access | None = None
        self._thread_lock = Lock()
        self._task_lock = anyio.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        if not self._may_have_token(request):
            yield request
            return
        refused: _Access | None = None
        for _ in range(2):
            if self._needs_renewal(refused) or not self._is_stored:
                with self._thread_lock:
                    steps = self._renew(refused)
                    ask = next(steps, None)
                    while ask:
                        sleep(ask.wait)
                        answer = bound((yield ask.request))
                        answer.read()
                        ask = _next(steps, answer)
            refused = self._authorize(request)
            if not self._may_repeat(request, (yield request), refused):
                return

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        if not self._may_have_token(request):
            yield request
            return
        refused: _Access | None = None
        for _ in range(2):
            if self._needs_renewal(refused) or not self._is_stored:
                async with self._task_lock:
                    steps = self._renew(refused)
                    ask = next(steps, None)
                    while ask:
                        await anyio.sleep(ask.wait)
                        answer = bound((yield ask.request))
                        await answer.aread()
                        ask = _next(steps, answer)
            refused = self._authorize(request)
            if not self._may_repeat(request, (yield request), refused):
                return

    def _may_have_token(self, request: httpx.Request) -> bool:
        return origin_of(request.url) in self._origins

    def _needs_renewal(self, refused: _Access | None) -> bool:
        access = self._access
        return access is None or access is refused or access.refresh_at <= monotonic()

    def _authorize(self, request: httpx.Request) -> _Access | None:
        access = self._access
        if access:
            request.headers["Authorization"] = f"Bearer {access.token}"
        return access

    def _may_repeat(
        self, request: httpx.Request, answer: httpx.Response, sent: _Access | None
    ) -> bool:
        """Return whether to renew the token of a refused request and send it again."""
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            return False
        if can_be_sent_again(request):
            return True
        if self._access is sent:
            self._access = None  # the next request renews it
        return False

    def _renew(self, refused: _Access | None) -> Steps[None]:
        """Log in or refresh. The caller holds the lock: another may have renewed meanwhile."""
        if not self._is_stored:
            self._try_to_store()
        if not self._needs_renewal(refused):
            return
        if self._stored and (yield from self._refresh(self._stored)):
            return
        if self._login is None:
            raise LoginNeededError("The session has ended: log in again.")
        self._take((yield from patiently(self._request("/login", self._login))), None)

    def _refresh(self, sent: StoredTokens) -> Steps[bool]:
        """Return whether the session goes on. Raises httpx.HTTPStatusError if nobody can tell."""
        answer = yield from patiently(self._refresh_request(sent))
        if answer.status_code == httpx.codes.BAD_REQUEST:
            # The key was used before, and the answer was lost.
            sent = self._replace(sent, sent.refresh_token) or sent
            answer = yield from patiently(self._refresh_request(sent))
        if answer.status_code != httpx.codes.UNAUTHORIZED:
            self._take(answer, sent)
            return True
        if self._stored is not sent:
            return True
        # Cut off a thief who stole the key as well.
        yield from patiently(self._request("/logout", {"refresh_token": sent.refresh_token}))
        self._stored = self._access = None
        return False

    def _take(self, answer: httpx.Response, sent: StoredTokens | None) -> None:
        answer.raise_for_status()
        pair = pair_of(answer)
        if self._stored is sent:
            early = min(EARLY_SECONDS, pair.life / 10)
            self._access = _Access(pair.access_token, monotonic() + pair.life - early)
            self._replace(sent, pair.refresh_token)

    def _replace(self, sent: StoredTokens | None, refresh_token: str) -> StoredTokens | None:
        """Hold the token with a new key, if `sent` is still held; return what is held then.

        A sync and an async client may share this object, and have a lock each. The key is made and
        stored before it is first sent.
        """
        if self._stored is sent:
            self._stored = StoredTokens(refresh_token, secrets.token_urlsafe(24))
            self._try_to_store()
        return self._stored

    def _try_to_store(self) -> None:
        """Call `store`. The tokens are in force, whatever it raises: so that is only logged."""
        stored, self._is_stored = self._stored, True
        try:
            if stored:
                self._store(stored)
        except Exception:
            self._is_stored = False
            with suppress(Exception):
                log.exception("The new tokens could not be stored. The next request tries again.")

    def _refresh_request(self, stored: StoredTokens) -> httpx.Request:
        body = {"refresh_token": stored.refresh_token, **self._target}
        request = self._request("/refresh", body)
        request.headers["Idempotency-Key"] = stored.idempotency_key
        return request

    def _request(self, path: str, body: Mapping[str, str | None]) -> httpx.Request:
        # What is packed may be a thousand times as long.
        headers = {"Accept-Encoding": "identity"}
        request = httpx.Request("POST", self._base_url + path, json=body, headers=headers)
        request.url, request.stream = FinalUrl(request.url), SentOnce(request.content)
        return request


def _next(steps: Steps[None], answer: httpx.Response) -> Ask | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None
