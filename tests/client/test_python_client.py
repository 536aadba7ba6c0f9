"""authapi.client: an httpx.Auth, against the real application."""

from collections.abc import Callable, Iterator

import anyio
import httpx
import pytest

from authapi.client import AuthapiAuth, LoginNeededError, StoredTokens
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.clock import TestClock
from tests.support.databases import sqlite_only

URL = "http://localhost"

pytestmark = sqlite_only


class Wire(httpx.BaseTransport):
    """The way to the application; it counts what passes, and can lose an answer."""

    def __init__(self, api: Api) -> None:
        self._inner = api.client._transport
        self.paths: list[str] = []
        self.lose: str | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        response = self._inner.handle_request(request)
        if self.lose == request.url.path:
            self.lose = None
            raise httpx.ReadTimeout("the answer was lost", request=request)
        return response


@pytest.fixture
def wire(api: Api) -> Wire:
    api.register()
    return Wire(api)


@pytest.fixture
def client(wire: Wire) -> Iterator[Callable[..., httpx.Client]]:
    made: list[httpx.Client] = []

    def make(**login: object) -> httpx.Client:
        auth = AuthapiAuth(URL, **(login or {"email": EMAIL, "password": PASSWORD}))  # type: ignore[arg-type]
        made.append(httpx.Client(transport=wire, base_url=URL, auth=auth))
        return made[-1]

    yield make
    made.clear()  # the transport is the fixture's


def test_a_token_is_for_the_service_that_was_named(make_api: MakeApi, clock: TestClock) -> None:
    wire = Wire(made := make_api(audiences=("reports",)))
    made.register()
    auth = AuthapiAuth(URL, email=EMAIL, password=PASSWORD, resource="reports")
    ours = httpx.Client(transport=wire, base_url=URL, auth=auth)
    for _ in range(2):
        assert ours.get("/verify?audience=reports").status_code == 204
        clock.advance(900)
    assert wire.paths == ["/login", "/verify", "/verify", "/refresh", "/verify"]


def end_all(api: Api) -> None:
    api.expect(204, "POST", "/logout/all", headers=api.login().bearer)


def test_the_first_request_logs_in(client: Callable[..., httpx.Client], wire: Wire) -> None:
    assert client().get("/me").json()["email"] == EMAIL
    assert wire.paths == ["/login", "/me"]


def test_the_second_request_needs_nothing(client: Callable[..., httpx.Client], wire: Wire) -> None:
    ours = client()
    ours.get("/me")
    ours.get("/me")
    assert wire.paths == ["/login", "/me", "/me"]


def test_a_token_that_has_run_out_is_refreshed(
    client: Callable[..., httpx.Client], wire: Wire, clock: TestClock
) -> None:
    ours = client()
    ours.get("/me")
    clock.advance(900)
    assert ours.get("/me").status_code == 200
    assert wire.paths == ["/login", "/me", "/me", "/refresh", "/me"]


def test_a_lost_answer_logs_nobody_out(
    client: Callable[..., httpx.Client], wire: Wire, clock: TestClock
) -> None:
    ours = client()
    ours.get("/me")
    clock.advance(900)
    wire.lose = "/refresh"
    with pytest.raises(httpx.ReadTimeout):
        ours.get("/me")
    assert ours.get("/me").status_code == 200
    assert wire.paths.count("/login") == 1


def test_an_ended_session_is_begun_anew(
    client: Callable[..., httpx.Client], wire: Wire, api: Api
) -> None:
    ours = client()
    ours.get("/me")
    end_all(api)
    assert ours.get("/me").status_code == 200
    assert wire.paths == ["/login", "/me", "/me", "/refresh", "/logout", "/login", "/me"]


def test_without_a_password_an_ended_session_is_said_to_have_ended(
    client: Callable[..., httpx.Client], api: Api
) -> None:
    tokens = api.login()
    end_all(api)
    ours = client(stored=StoredTokens(tokens.refresh, "0123456789abcdef"))
    with pytest.raises(LoginNeededError):
        ours.get("/me")


def test_stored_tokens_go_on_in_another_process(
    client: Callable[..., httpx.Client], wire: Wire
) -> None:
    kept: list[StoredTokens] = []
    client(email=EMAIL, password=PASSWORD, store=kept.append).get("/me")
    assert client(stored=kept[-1]).get("/me").status_code == 200
    assert wire.paths == ["/login", "/me", "/refresh", "/me"]


def test_a_key_is_kept_before_it_is_used(
    client: Callable[..., httpx.Client], clock: TestClock
) -> None:
    kept: list[StoredTokens] = []
    ours = client(email=EMAIL, password=PASSWORD, store=kept.append)
    ours.get("/me")
    clock.advance(900)
    ours.get("/me")
    assert len({tokens.idempotency_key for tokens in kept}) == 2


def test_a_key_whose_answer_was_lost_is_replaced(
    client: Callable[..., httpx.Client], wire: Wire, api: Api
) -> None:
    """The token came by it and was stored, the new key was not."""
    first = api.login()
    key = {"Idempotency-Key": "0123456789abcdef"}
    body = {"refresh_token": first.refresh}
    second = api.expect(200, "POST", "/refresh", json=body, headers=key).json()
    kept: list[StoredTokens] = []
    stored = StoredTokens(second["refresh_token"], key["Idempotency-Key"])
    assert client(stored=stored, store=kept.append).get("/me").status_code == 200
    assert wire.paths == ["/refresh", "/refresh", "/me"]
    renewed, used = kept
    assert renewed.refresh_token == stored.refresh_token
    assert len({stored.idempotency_key, renewed.idempotency_key, used.idempotency_key}) == 3


@pytest.mark.parametrize("is_refused", [False, True])
def test_an_answer_for_a_token_that_is_not_held_any_more_changes_nothing(
    wire: Wire, api: Api, clock: TestClock, *, is_refused: bool
) -> None:
    """An async client that shares the log-in was faster: another thread, another lock."""
    kept: list[StoredTokens] = []
    auth = AuthapiAuth(URL, email=EMAIL, password=PASSWORD, store=kept.append)

    async def ask() -> None:
        transport = httpx.ASGITransport(api.app)
        async with httpx.AsyncClient(transport=transport, base_url=URL, auth=auth) as other:
            assert (await other.get("/me")).status_code == 200

    class Overtaken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = wire.handle_request(request)
            if request.url.path == "/refresh":
                anyio.run(ask)
                return httpx.Response(401, request=request) if is_refused else answer
            return answer

    ours = httpx.Client(transport=Overtaken(), base_url=URL, auth=auth)
    ours.get("/me")
    clock.advance(900)
    auth._access = None
    assert ours.get("/me").status_code == 200
    assert wire.paths == ["/login", "/me", "/refresh", "/me"]
    assert len(kept) == 2  # the log-in's, and the faster one's
    assert auth._stored is kept[-1]


def test_a_wrong_password_is_an_error(client: Callable[..., httpx.Client]) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        client(email=EMAIL, password="wrong").get("/me")


def test_twenty_tasks_log_in_once(api: Api) -> None:
    api.register()
    paths: list[str] = []

    async def note(request: httpx.Request) -> None:
        paths.append(request.url.path)

    async def run() -> list[int]:
        statuses: list[int] = []
        auth = AuthapiAuth(URL, email=EMAIL, password=PASSWORD)
        transport = httpx.ASGITransport(api.app)
        inner = transport.handle_async_request

        async def counted(request: httpx.Request) -> httpx.Response:
            await note(request)
            return await inner(request)

        transport.handle_async_request = counted  # type: ignore[method-assign]
        async with (
            httpx.AsyncClient(transport=transport, base_url=URL, auth=auth) as client,
            anyio.create_task_group() as tasks,
        ):

            async def ask() -> None:
                statuses.append((await client.get("/me")).status_code)

            for _ in range(20):
                tasks.start_soon(ask)
        return statuses

    assert anyio.run(run) == [200] * 20
    assert paths.count("/login") == 1
