"""PostgreSQL stopped or frozen under a running process: 503 soon, and recovery by itself."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.faults.conftest import SOON, assert_unavailable, recovered
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.breakable_postgresql import BreakablePostgreSQL

KEY = "0123456789abcdef"
OUTAGES = {
    "stopped": BreakablePostgreSQL.stopped,
    "frozen": BreakablePostgreSQL.frozen,
}

Outage = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def database_url(breakable_url: str) -> str:
    return breakable_url


@pytest.fixture(params=list(OUTAGES.values()), ids=list(OUTAGES))
def outage(request: pytest.FixtureRequest, server: BreakablePostgreSQL) -> Outage:
    return partial(request.param, server)


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


def login_request(api: Api) -> httpx.Response:
    return api.client.post("/login", json={"email": EMAIL, "password": PASSWORD})


def requests_to(api: Api, tokens: Tokens) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every route that needs the database."""
    proof = {"password": PASSWORD}
    change = {"current_password": PASSWORD, "new_password": "another fine passphrase"}
    yield "POST", "/register", {"email": "b@example.com", **proof}
    yield "POST", "/login", {"email": EMAIL, **proof}
    yield "POST", "/refresh", {"refresh_token": tokens.refresh}
    yield "POST", "/reauth", proof
    yield "POST", "/logout", {}
    yield "POST", "/logout/all", {}
    yield "GET", "/me", {}
    yield "PATCH", "/me", {"username": "ada"}
    yield "POST", "/me/password", change
    yield "POST", "/me/delete", proof
    yield "GET", "/sessions", {}
    yield "DELETE", "/sessions", {}
    yield "DELETE", f"/sessions/{tokens.sid}", {}


def test_every_route_that_needs_the_database_is_503_and_has_done_nothing(
    api: Api, tokens: Tokens, outage: Outage
) -> None:
    with outage():
        for method, path, body in requests_to(api, tokens):
            send = partial(api.client.request, method, path, headers=tokens.bearer)
            assert_unavailable(partial(send, json=body) if body else send)
    me = recovered(lambda: api.client.get("/me", headers=tokens.bearer)).json()
    assert me["username"] is None
    assert api.verify(tokens) == 204
    assert len(api.expect(200, "GET", "/sessions", headers=tokens.bearer).json()) == 1
    api.login()


def test_a_token_goes_on_being_verified(api: Api, tokens: Tokens, outage: Outage) -> None:
    with outage():
        assert api.verify(tokens) == 204


def test_a_bad_token_goes_on_being_refused(api: Api, tokens: Tokens, outage: Outage) -> None:
    with outage():
        api.expect(401, "GET", "/verify", headers={"Authorization": "Bearer a.b.c"})


def test_a_session_revoked_before_stays_revoked(api: Api, tokens: Tokens, outage: Outage) -> None:
    api.expect(204, "POST", "/logout", headers=tokens.bearer)
    with outage():
        assert api.verify(tokens) == 401


def test_the_process_is_alive_and_names_what_it_lacks(api: Api, outage: Outage) -> None:
    api.expect(200, "GET", "/readyz")
    with outage():
        api.expect(200, "GET", "/healthz")
        assert_unavailable(lambda: api.client.get("/readyz"))
        answer = api.client.get("/readyz").json()
        assert "database" in answer["not_ready"]
        assert {"name": "schema", "state": "ok", "detail": "It is good."} in answer["parts"]
    recovered(lambda: api.client.get("/readyz"))


def test_a_refresh_that_failed_has_consumed_nothing(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    with server.stopped():
        assert_unavailable(lambda: api.refresh(tokens.refresh))
    recovered(lambda: api.refresh(tokens.refresh))


def test_a_refresh_sent_to_a_frozen_database_is_repeated_with_its_key(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    # The statement lies in the server's socket, and may be run when the server wakes up.
    with server.frozen():
        assert_unavailable(lambda: api.refresh(tokens.refresh, KEY))
    successor = Tokens(recovered(lambda: api.refresh(tokens.refresh, KEY)).json())
    api.refreshed(successor.refresh, KEY[::-1])


def test_only_the_first_refreshes_of_an_outage_reach_a_frozen_database(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    with server.frozen():
        assert_unavailable(lambda: api.client.get("/me", headers=tokens.bearer))
        assert_unavailable(lambda: api.refresh(tokens.refresh))
    recovered(lambda: api.refresh(tokens.refresh))


def test_after_one_request_has_waited_for_nothing_the_others_do_not(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    ask = partial(api.client.get, "/me", headers=tokens.bearer)
    with server.frozen():
        ask()
        started = monotonic()
        assert {ask().status_code for _ in range(20)} == {503}
        assert monotonic() - started < SOON


def test_a_crowd_at_the_log_in_is_answered_as_soon_as_one(
    make_api: Callable[..., Api], server: BreakablePostgreSQL
) -> None:
    api = make_api(hash_concurrency=1, hash_queue=255)
    api.register()
    with server.frozen(), ThreadPoolExecutor(20) as crowd:
        ask = partial(login_request, api)
        for answered in [crowd.submit(assert_unavailable, ask) for _ in range(20)]:
            answered.result()
    recovered(ask)


def test_tokens_are_verified_while_a_crowd_waits(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    ask = partial(api.client.get, "/me", headers=tokens.bearer)
    with server.frozen(), ThreadPoolExecutor(60) as crowd:
        waiting = [crowd.submit(ask) for _ in range(60)]
        assert api.verify(tokens) == 204
        assert {answered.result().status_code for answered in waiting} == {503}


def test_after_a_restart_one_request_at_most_is_refused(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    ask = partial(api.client.get, "/me", headers=tokens.bearer)
    with ThreadPoolExecutor(20) as crowd:  # fills the pool with connections
        list(crowd.map(lambda _: ask(), range(20)))
    server.restart()
    ask()
    assert ask().status_code == 200


def test_connections_that_the_server_ended_are_made_again(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    ask = partial(api.client.get, "/me", headers=tokens.bearer)
    ask()
    server.end_connections(database)
    ask()
    assert ask().status_code == 200


def test_what_was_acknowledged_survives_a_power_cut(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    successor = api.refreshed(tokens.refresh)
    server.restart()
    recovered(lambda: api.refresh(successor.refresh))
