"""Kind: recovery stops at "the next attempt works". Here: a real standby, by pg_basebackup.

A standby lags, and its clock doesn't. What it says of the revocations never counts as fresh.
"""

import socket
from collections.abc import Iterator
from functools import partial
from time import monotonic
from urllib.parse import quote

import pytest

from authapi.clock import now
from authapi.db import migrations
from authapi.errors import Unavailable
from authapi.web.runtime import Runtime
from tests.faults.conftest import SOON, TRIES, assert_unavailable, recovered
from tests.support.api import EMAIL, PASSWORD, Api
from tests.support.application import MakeApi
from tests.support.breakable_postgresql import BreakablePostgreSQL
from tests.support.databases import sqlite_only
from tests.support.pgbouncer import needs_pgbouncer, pooling, url_through
from tests.support.standby import Standby
from tests.support.until import until

pytestmark = sqlite_only  # `make_api`'s own, which is not used


@pytest.fixture
def database(server: BreakablePostgreSQL) -> Iterator[str]:
    with server.database() as name:
        yield name


@pytest.fixture
def standby(server: BreakablePostgreSQL, database: str) -> Iterator[Standby]:
    with Standby.of(server) as standby:
        standby.wait_for(database)
        yield standby


@pytest.fixture
def make_api(make_api: MakeApi) -> MakeApi:
    """Return one for applications on the real time, as that of these databases."""
    return partial(make_api, clock=now)


def runtime_of(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


def test_of_two_hosts_the_one_that_takes_writes_is_found(
    make_api: MakeApi, standby: Standby, database: str
) -> None:
    api = make_api(database_url=standby.url(database))
    tokens = api.register_and_login()
    runtime_of(api).poll.poll()
    api.refreshed(tokens.refresh)
    api.expect(200, "GET", "/readyz")


def test_a_process_that_reaches_a_standby_alone_takes_no_token(
    make_api: MakeApi, standby: Standby, database: str
) -> None:
    tokens = make_api(database_url=standby.url(database)).register_and_login()
    alone = make_api(database_url=standby.url(database, first=False))
    assert_unavailable(partial(alone.client.get, "/verify", headers=tokens.bearer))
    assert_unavailable(partial(alone.client.get, "/me", headers=tokens.bearer))
    assert "database" in alone.expect(503, "GET", "/readyz").json()["not_ready"]


def test_a_dead_host_that_is_named_first_costs_no_request(
    make_api: MakeApi, server: BreakablePostgreSQL, database: str
) -> None:
    """Its machine is gone: nobody even refuses. The next host is asked soon, and remembered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        hosts = f"127.0.0.1,{quote(server.sockets)}&port={port},5432"
        api = make_api(database_url=f"postgresql://postgres:@/{database}?host={hosts}")
        tokens = api.register_and_login()
        took = list[float]()
        for _ in range(TRIES):
            server.end_connections(database)
            began = monotonic()
            tokens = api.refreshed(tokens.refresh)
            took.append(monotonic() - began)
        assert min(took) < SOON / 2, (
            took
        )  # the machine may be busy; a dead host costs time each time


def test_a_migration_finds_the_one_that_takes_writes(
    make_api: MakeApi, standby: Standby, database: str
) -> None:
    api = make_api(database_url=standby.url(database))
    migrations.upgrade(runtime_of(api).settings.database_url)
    api.expect(200, "GET", "/readyz")


def test_what_a_lagging_standby_says_is_not_fresh(
    make_api: MakeApi, server: BreakablePostgreSQL, standby: Standby, database: str
) -> None:
    """A log-out that the standby has not heard of: the process says so, and does not believe it."""
    address = Address(server)
    api = make_api(database_url=address.url(database), revocation_fail_closed=True)
    other = make_api(database_url=server.url(database))
    tokens = other.register_and_login()
    assert api.verify(tokens) == 204
    standby.lag()
    other.expect(204, "POST", "/logout", headers=tokens.bearer)
    address.lead_to(standby)
    server.end_connections(database)
    known = runtime_of(api).revocations.as_of
    for _ in range(3):
        with pytest.raises(Unavailable):
            runtime_of(api).poll.poll()
    assert runtime_of(api).revocations.as_of == known
    assert_unavailable(partial(api.client.get, "/readyz"))
    address.lead_to(server)
    runtime_of(api).poll.poll()
    assert api.verify(tokens) == 401
    standby.catch_up()


def test_after_a_switch_over_all_works_without_a_restart(
    make_api: MakeApi, server: BreakablePostgreSQL, standby: Standby, database: str
) -> None:
    """The primary is gone, and the standby is promoted in its place."""
    api = make_api(database_url=standby.url(database), revocation_poll=0.05)
    tokens = api.register_and_login()
    with server.stopped():
        assert_unavailable(partial(api.client.get, "/me", headers=tokens.bearer))
        standby.promote()
        recovered(partial(api.client.get, "/me", headers=tokens.bearer))
        recovered(partial(api.client.get, "/readyz"))
        api.refreshed(tokens.refresh)
        api.expect(204, "POST", "/logout", headers=tokens.bearer)
        assert api.verify(tokens) == 401


def test_connections_to_a_primary_that_only_reads_now_are_dropped(
    make_api: MakeApi, server: BreakablePostgreSQL, standby: Standby, database: str
) -> None:
    """It ends no connection. Another host takes the writes, and is found."""
    api = make_api(database_url=standby.url(database))
    tokens = api.register_and_login()
    until(lambda: standby.has_session(database, tokens.sid), every=0.05)
    log_in = partial(api.client.post, "/login", json={"email": EMAIL, "password": PASSWORD})
    with server.only_reading():
        until(lambda: log_in().status_code == 503)
        standby.promote()
        recovered(log_in)


@needs_pgbouncer
def test_a_pooler_that_leads_to_the_standby_too_early_is_503_and_not_500(
    make_api: MakeApi, server: BreakablePostgreSQL, standby: Standby, database: str
) -> None:
    """authapi keeps its connections to PgBouncer, behind which the server is another one now."""
    address = Address(server)
    with pooling(address) as port:
        api = make_api(database_url=url_through(port, database))
        tokens = api.register_and_login()
        until(lambda: standby.has_session(database, tokens.sid), every=0.05)
        address.lead_to(standby)
        with server.stopped():
            for _ in range(10):
                assert_unavailable(partial(api.refresh, tokens.refresh))
                assert api.verify(tokens) == 204
            standby.promote()
            recovered(partial(api.refresh, tokens.refresh))


class Address:
    """A name that leads to one server now, and to another later: a folder's symbolic link."""

    def __init__(self, server: BreakablePostgreSQL) -> None:
        self._link, self.user = server.data.with_name("address"), server.user
        self.lead_to(server)

    def url(self, database: str) -> str:
        return f"postgresql://postgres:@/{database}?host={quote(str(self._link))}"

    def lead_to(self, server: BreakablePostgreSQL | Standby) -> None:
        """Have the usual port at this address be that server's."""
        self._link.mkdir(exist_ok=True)
        socket = self._link / ".s.PGSQL.5432"
        socket.unlink(missing_ok=True)
        socket.symlink_to(server.socket)
