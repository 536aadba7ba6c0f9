"""A process that starts while its database is out of reach, and PostgreSQL's lesser troubles."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from threading import Thread

import psycopg
import pytest

from tests.faults.conftest import assert_unavailable, recovered
from tests.support.api import Api, Tokens
from tests.support.breakable_postgresql import BreakablePostgreSQL

CONNECTIONS = 20  # authapi.db.database's


@pytest.fixture
def database_url(breakable_url: str) -> str:
    return breakable_url


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@pytest.fixture
def silent_url() -> Iterator[str]:
    """Of a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"postgresql://authapi@127.0.0.1:{listener.getsockname()[1]}/authapi"


@pytest.fixture
def closed_url() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    return f"postgresql://authapi@127.0.0.1:{port}/authapi"


@pytest.fixture(params=["silent_url", "closed_url"])
def unreachable(request: pytest.FixtureRequest, make_api: Callable[..., Api]) -> Api:
    """A process that has never reached its database."""
    return make_api(database_url=request.getfixturevalue(request.param))


def test_no_token_is_taken_before_the_revoked_sessions_are_known(
    unreachable: Api, tokens: Tokens
) -> None:
    assert_unavailable(lambda: unreachable.client.get("/verify", headers=tokens.bearer))


def test_no_request_is_taken(unreachable: Api) -> None:
    body = {"email": "ada@example.com", "password": "correct horse battery staple"}
    assert_unavailable(lambda: unreachable.client.post("/login", json=body))


def test_it_is_alive_and_not_ready(unreachable: Api) -> None:
    unreachable.expect(200, "GET", "/healthz")
    missing = unreachable.expect(503, "GET", "/readyz").json()["not_ready"]
    assert {"database", "signing keys"} <= set(missing)


def test_of_many_requests_none_waits_for_another(
    make_api: Callable[..., Api], silent_url: str
) -> None:
    api = make_api(database_url=silent_url)
    crowd = [Thread(target=api.client.get, args=["/me"]) for _ in range(3)]
    for thread in crowd:
        thread.start()
    assert_unavailable(lambda: api.client.get("/me"))
    for thread in crowd:
        thread.join()


@pytest.mark.parametrize("outage", ["stopped", "frozen"])
def test_a_process_that_started_during_an_outage_works_after_it(
    outage: str, make_api: Callable[..., Api], tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    young = make_api()
    ask = partial(young.client.get, "/verify", headers=tokens.bearer)
    with getattr(server, outage)():
        assert_unavailable(ask)
    recovered(ask, 204)
    young.expect(200, "GET", "/me", headers=tokens.bearer)


def test_a_session_revoked_meanwhile_is_refused_from_the_first_answer_on(
    api: Api, make_api: Callable[..., Api], tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    young = make_api()
    with server.stopped():
        young.client.get("/me")
    recovered(partial(api.client.post, "/logout", headers=tokens.bearer), 204)
    recovered(partial(young.client.get, "/verify", headers=tokens.bearer), 401)


def test_requests_without_a_free_connection_are_503(api: Api, tokens: Tokens) -> None:
    ask = partial(api.client.get, "/me", headers=tokens.bearer)
    with ExitStack() as held:
        for _ in range(CONNECTIONS):
            held.enter_context(api.app.state.runtime.db.engine.connect())
        assert_unavailable(ask)
        assert api.verify(tokens) == 204
    assert ask().status_code == 200


def test_what_a_lock_kept_waiting_is_not_done_later(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    rename = partial(api.client.patch, "/me", headers=tokens.bearer, json={"username": "ada"})
    with psycopg.connect(server.url(database)) as other:
        other.execute("UPDATE users SET scopes = scopes")
        assert_unavailable(rename)
    me = api.expect(200, "GET", "/me", headers=tokens.bearer).json()
    assert me["username"] is None


def test_one_locked_row_holds_up_nobody_else(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    other = api.register_and_login("other@example.com")
    with psycopg.connect(server.url(database)) as holder:
        holder.execute(f"SELECT FROM sessions WHERE sid = '{tokens.sid}' FOR UPDATE")
        assert_unavailable(lambda: api.refresh(tokens.refresh))
        api.refreshed(other.refresh)
    api.refreshed(tokens.refresh)


def test_a_primary_that_became_a_standby_is_503(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    read_only = f"ALTER DATABASE {database} SET default_transaction_read_only = "
    server.execute(f"{read_only} on")
    server.end_connections(database)
    api.client.get("/me", headers=tokens.bearer)
    assert_unavailable(lambda: api.refresh(tokens.refresh))
    server.execute(f"{read_only} off")
    server.end_connections(database)
    recovered(lambda: api.refresh(tokens.refresh))
