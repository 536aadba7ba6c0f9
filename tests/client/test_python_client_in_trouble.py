"""authapi.client where answers are late, odd or lost, and where the caller's own functions fail.

Kind: a side effect after the point of no return fails the call. Kind: empty answers are believed.
"""

import io
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from time import monotonic
from typing import Any

import anyio
import httpx
import pytest

from authapi.client import AuthapiAuth, LoginNeededError, StoredTokens, UnexpectedAnswerError
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.databases import sqlite_only

URL = "https://testserver"

FRAMING = ("content-length", "transfer-encoding", "host")

pytestmark = sqlite_only

Answer = Callable[[], httpx.Response]


@dataclass
class Sent:
    path: str
    content: bytes
    key: str | None


@dataclass
class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """The way to the application, for clients of both kinds. Somebody may answer before it."""

    api: Api
    sent: list[Sent] = field(default_factory=list)
    before: dict[str, list[Answer]] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        return self._pass(request, b"".join(request.stream))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        content = b"".join([part async for part in request.stream])
        return await anyio.to_thread.run_sync(self._pass, request, content)

    def _pass(self, request: httpx.Request, content: bytes) -> httpx.Response:
        path, key = request.url.path, request.headers.get("Idempotency-Key")
        self.sent.append(Sent(path, content, key))
        if answers := self.before.get(path):
            return answers.pop(0)()
        headers = {name: value for name, value in request.headers.items() if name not in FRAMING}
        answer = self.api.client.request(request.method, path, content=content, headers=headers)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def paths(self) -> list[str]:
        return [each.path for each in self.sent]

    def keys(self) -> list[str | None]:
        return [each.key for each in self.sent if each.path == "/refresh"]


Ask = Callable[..., httpx.Response]


@pytest.fixture
def wire(api: Api) -> Wire:
    api.register()
    return Wire(api)


@pytest.fixture(params=["sync", "async"])
def ask(request: pytest.FixtureRequest, wire: Wire) -> Ask:
    """Return a function that sends one request, by an httpx client of each kind in turn."""

    def sync(
        auth: AuthapiAuth, method: str = "GET", path: str = "/me", **more: Any
    ) -> httpx.Response:
        client = httpx.Client(transport=wire, base_url=URL, auth=auth)
        return client.request(method, path, **more)

    def asynchronous(
        auth: AuthapiAuth, method: str = "GET", path: str = "/me", **more: Any
    ) -> httpx.Response:
        client = httpx.AsyncClient(transport=wire, base_url=URL, auth=auth)

        async def send() -> httpx.Response:
            return await client.request(method, path, **more)

        return anyio.run(send)

    return sync if request.param == "sync" else asynchronous


def auth_of(**more: Any) -> AuthapiAuth:
    return AuthapiAuth(URL, email=EMAIL, password=PASSWORD, **more)


def stored(api: Api) -> StoredTokens:
    return StoredTokens(api.login().refresh, "0123456789abcdef")


def answers(status: int, body: str = "", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, text=body, headers=named)


# A body that can be sent once


def generator() -> Iterator[bytes]:
    yield b'{"username":'
    yield b' "ada"}'


async def async_generator() -> AsyncIterator[bytes]:
    yield b'{"username":'
    yield b' "ada"}'


JSON = {"Content-Type": "application/json"}
SENT_ONCE: dict[str, Callable[[], Any]] = {
    "a generator": generator,
    "an async generator": async_generator,
    "an iterator": lambda: map(bytes, [b'{"username": "ada"}']),
    "a file": lambda: io.BytesIO(b'{"username": "ada"}'),
}


# httpx sends each by one kind of client.
ONE_KIND = [("async" if "async" in body else "sync", body) for body in SENT_ONCE]


@pytest.mark.parametrize(("ask", "body"), ONE_KIND, indirect=["ask"])
def test_a_refused_request_whose_body_is_used_up_is_handed_on(
    ask: Ask, wire: Wire, api: Api, body: str
) -> None:
    auth = auth_of()
    ask(auth)
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)
    refused = ask(auth, "PATCH", "/me", content=SENT_ONCE[body](), headers=JSON)
    assert refused.status_code == 401
    assert refused.json()["error"] == "invalid_token"
    assert wire.paths.count("/me") == 2
    # The token is known to be refused: the next request begins with another one.
    changed = ask(auth, "PATCH", "/me", content=SENT_ONCE[body](), headers=JSON)
    assert changed.status_code == 200
    assert wire.paths.count("/me") == 3


KEPT: dict[str, dict[str, Any]] = {
    "JSON": {"json": {"username": "ada"}},
    "bytes": {"content": b'{"username": "ada"}', "headers": JSON},
    "a list": {"content": [b'{"username":', b' "ada"}'], "headers": JSON},
}
BOTH_KINDS = [(kind, body) for body in ("JSON", "bytes") for kind in ("sync", "async")]


@pytest.mark.parametrize(("ask", "body"), [*BOTH_KINDS, ("sync", "a list")], indirect=["ask"])
def test_a_refused_request_whose_body_is_there_is_sent_again(ask: Ask, api: Api, body: str) -> None:
    auth = auth_of()
    ask(auth)
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)
    assert ask(auth, "PATCH", "/me", **KEPT[body]).status_code == 200


def test_a_form_with_a_file_is_rewound_and_sent_again(ask: Ask, wire: Wire, api: Api) -> None:
    auth = auth_of()
    ask(auth)
    wire.before["/upload"] = [answers(401), answers(200)]
    files = {"report": ("report.txt", io.BytesIO(b"all is well"))}
    assert ask(auth, "POST", "/upload", files=files).status_code == 200
    first, second = (each.content for each in wire.sent if each.path == "/upload")
    assert b"all is well" in first
    assert first == second


# A success that is none

ODD = {
    "nothing": "",
    "a portal's page": "<!doctype html><title>Welcome to our network</title>",
    "half of it": '{"access_token": "e',
    "null": "null",
    "a list": "[]",
    "an empty object": "{}",
    "nested deeply": "[" * 100_000,
    "other types": '{"access_token": 1, "refresh_token": "b", "expires_in": 900}',
    "no header value": '{"access_token": "é", "refresh_token": "b", "expires_in": 900}',
    "a line break": '{"access_token": "a\\nb", "refresh_token": "b", "expires_in": 900}',
    "a life without end": '{"access_token": "a", "refresh_token": "b", "expires_in": NaN}',
    "a life that is no number": '{"access_token": "a", "refresh_token": "b", "expires_in": {}}',
}


@pytest.mark.parametrize("body", ODD.values(), ids=ODD.keys())
@pytest.mark.parametrize("path", ["/login", "/refresh"])
def test_a_success_without_a_token_pair_is_said_so_and_forgets_nothing(
    ask: Ask, wire: Wire, api: Api, path: str, body: str
) -> None:
    kept: list[StoredTokens] = []
    first = stored(api)
    auth = auth_of(store=kept.append, stored=first if path == "/refresh" else None)
    wire.before[path] = [answers(200, body)]
    with pytest.raises(UnexpectedAnswerError, match=f"{path} answered 200 without") as caught:
        ask(auth)
    assert "access_token" not in str(caught.value)
    assert isinstance(caught.value, httpx.HTTPError)
    assert kept == []
    assert ask(auth).status_code == 200
    assert wire.paths == [path, path, "/me"]
    assert len(set(wire.keys())) <= 1


@pytest.mark.parametrize("status", [202, 204])
def test_a_success_of_another_status_is_no_token_pair(ask: Ask, wire: Wire, status: int) -> None:
    wire.before["/login"] = [answers(status)]
    with pytest.raises(UnexpectedAnswerError):
        ask(auth_of())


# 429 and 5xx


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
@pytest.mark.parametrize("path", ["/login", "/refresh"])
def test_a_refusal_for_a_moment_is_waited_out(
    ask: Ask, wire: Wire, api: Api, path: str, status: int
) -> None:
    auth = auth_of(stored=stored(api) if path == "/refresh" else None)
    wire.before[path] = [answers(status, "Bad gateway")]
    assert ask(auth).status_code == 200
    assert wire.paths == [path, path, "/me"]
    assert len(set(wire.keys())) <= 1


def test_it_waits_as_long_as_it_is_asked_to(ask: Ask, wire: Wire, api: Api) -> None:
    wrong = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)  # a proxy's clock
    date, later = (
        format_datetime(moment, usegmt=True) for moment in (wrong, wrong + timedelta(seconds=2))
    )
    wire.before["/refresh"] = [
        answers(503, Retry_After="2"),
        answers(503, Retry_After=later, Date=date),
    ]
    began = monotonic()
    assert ask(auth_of(stored=stored(api))).status_code == 200
    assert 4 <= monotonic() - began < 15


@pytest.mark.parametrize("named", ["3600", "9" * 400, "Fri, 01 Jan 2999 00:00:00 GMT"])
def test_a_longer_wait_is_the_callers_to_decide(ask: Ask, wire: Wire, api: Api, named: str) -> None:
    kept = stored(api)
    auth = auth_of(stored=kept)
    date = "Fri, 01 Jan 2027 00:00:00 GMT"
    wire.before["/refresh"] = [answers(429, Retry_After=named, Date=date)]
    with pytest.raises(httpx.HTTPStatusError) as caught:
        ask(auth)
    assert caught.value.response.status_code == 429
    assert wire.paths == ["/refresh"]
    assert ask(auth).status_code == 200
    assert wire.keys() == [kept.idempotency_key] * 2


@pytest.mark.parametrize("named", ["soon", "-5", "1.5", "٣", ""])
def test_a_wait_that_nobody_can_read_is_a_short_one(ask: Ask, wire: Wire, named: str) -> None:
    headers = [(b"retry-after", named.encode())]
    wire.before["/login"] = [lambda: httpx.Response(503, headers=headers)]
    assert ask(auth_of()).status_code == 200


def test_a_server_that_refuses_for_good_is_not_asked_for_ever(wire: Wire, api: Api) -> None:
    wire.before["/refresh"] = [answers(503, Retry_After="0")] * 9
    client = httpx.Client(transport=wire, base_url=URL, auth=auth_of(stored=stored(api)))
    began = monotonic()
    with pytest.raises(httpx.HTTPStatusError):
        client.get("/me")
    assert wire.paths == ["/refresh"] * 5
    assert monotonic() - began < 15


# The caller's own function


def test_a_store_that_fails_fails_no_request_and_is_tried_again(
    ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    kept: list[StoredTokens] = []
    full = [True]

    def store(tokens: StoredTokens) -> None:
        if full:
            full.pop()
            raise OSError(28, "No space left on device")
        kept.append(tokens)

    auth = auth_of(store=store)
    assert ask(auth).status_code == 200
    [record] = caplog.records
    assert (record.name, record.levelname) == ("authapi.client", "ERROR")
    assert ask(auth).status_code == 200
    assert kept == [auth._stored]
    assert ask(auth).status_code == 200
    assert len(kept) == 1


def test_a_log_out_that_is_answered_oddly_delays_no_log_in(ask: Ask, wire: Wire, api: Api) -> None:
    tokens = stored(api)
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)
    wire.before["/logout"] = [answers(400, "<p>")]
    assert ask(auth_of(stored=tokens)).status_code == 200
    assert wire.paths == ["/refresh", "/logout", "/login", "/me"]


def test_an_ended_session_is_still_said_to_have_ended(ask: Ask, api: Api) -> None:
    tokens = stored(api)
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)
    with pytest.raises(LoginNeededError):
        ask(AuthapiAuth(URL, stored=tokens))
