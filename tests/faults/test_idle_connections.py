"""Kind: recovery stops at "the next attempt works". Here: connections that ended while idle.

The server, or a firewall on the way, ends what nobody uses. No request is 503 for it: a lost
connection is replaced before anything is sent on it.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import monotonic

import psycopg
import pytest

from authapi.db.engines import lost, postgresql
from tests.faults.conftest import SOON
from tests.support.api import Api, Tokens
from tests.support.breakable_postgresql import BreakablePostgreSQL


@pytest.fixture
def database_url(breakable_url: str) -> str:
    return breakable_url


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@pytest.fixture
def full(api: Api, tokens: Tokens) -> Api:
    """Return the application with several idle connections."""
    with ThreadPoolExecutor(10) as crowd:
        ask = partial(api.client.get, "/me", headers=tokens.bearer)
        list(crowd.map(lambda _: ask(), range(40)))
    return api


def test_no_request_is_503_after_the_server_has_ended_the_connections(
    full: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    for _ in range(3):
        server.end_connections(database)
        for _ in range(5):
            full.expect(200, "GET", "/me", headers=tokens.bearer)
        tokens = full.refreshed(tokens.refresh)


def test_no_request_is_503_after_a_restart_while_nobody_asked(
    full: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    server.restart()
    full.refreshed(tokens.refresh)
    full.expect(200, "GET", "/readyz")


@pytest.fixture
def no_lull(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pause is a lull."""
    monkeypatch.setattr(lost, "LULL_SECONDS", 0.0)


@pytest.mark.usefixtures("no_lull")
def test_no_request_is_503_after_a_firewall_forgot_the_connections(
    full: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    with server.silenced(database):
        began = monotonic()
        full.expect(200, "GET", "/me", headers=tokens.bearer)
        assert monotonic() - began < SOON
        for _ in range(20):
            full.refreshed(full.login().refresh)


def test_connections_are_kept_alive(server: BreakablePostgreSQL, database: str) -> None:
    connection = postgresql.connect_to_primary([server.url(database)], {})
    with connection:
        options = {option.keyword: option.val for option in connection.pgconn.info}
    assert options[b"keepalives_idle"] == b"10"
    assert options[b"keepalives_count"] == b"3"


def test_an_operators_own_keepalives_count(server: BreakablePostgreSQL, database: str) -> None:
    own = {"keepalives_idle": 240}
    with postgresql.connect_to_primary([server.url(database)], own) as connection:
        [idle] = [o.val for o in connection.pgconn.info if o.keyword == b"keepalives_idle"]
    assert idle == b"240"


def test_too_many_connections_end_none(
    full: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    """53300 says nothing of the connections that there are."""
    with psycopg.connect(server.url(database)) as held:
        server.execute(f"ALTER DATABASE {database} CONNECTION LIMIT 1")
        try:
            full.expect(200, "GET", "/me", headers=tokens.bearer)
        finally:
            server.execute(f"ALTER DATABASE {database} CONNECTION LIMIT -1")
    assert held.closed
