"""Kind: recovery stops at "the next attempt works".

After a switch-over an address may lead to a server that only reads, for a while or for good. Its
connections are dropped, none of its answers counts as fresh, and the process recovers by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from time import monotonic

import pytest
from sqlalchemy import select

from authapi.db.database import Database
from authapi.db.engines import lost
from authapi.errors import Unavailable
from tests.faults.conftest import RECOVERY, assert_unavailable, recovered
from tests.support.api import EMAIL, PASSWORD, Api, Tokens
from tests.support.breakable_postgresql import BreakablePostgreSQL
from tests.support.until import until


@pytest.fixture
def database_url(breakable_url: str) -> str:
    return breakable_url


@pytest.fixture
def tokens(api: Api) -> Tokens:
    return api.register_and_login()


@contextmanager
def read_only(server: BreakablePostgreSQL, database: str) -> Iterator[None]:
    """End the connections, and let new ones only read, as a provider does with a full disk."""
    setting = f"ALTER DATABASE {database} SET default_transaction_read_only = "
    server.execute(f"{setting} on")
    server.end_connections(database)
    try:
        yield
    finally:
        server.execute(f"{setting} off")


def test_after_a_read_only_time_all_works_within_5_seconds(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    log_in = partial(api.client.post, "/login", json={"email": EMAIL, "password": PASSWORD})
    with read_only(server, database):
        for _ in range(5):
            assert_unavailable(log_in)
    began = monotonic()
    recovered(log_in)
    recovered(partial(api.client.get, "/readyz"))
    recovered(partial(api.refresh, tokens.refresh))
    for _ in range(10):
        assert log_in().status_code == 200
    assert monotonic() - began < RECOVERY


def test_a_server_that_only_reads_is_named_as_not_ready(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    with read_only(server, database):
        assert_unavailable(partial(api.client.get, "/readyz"))
        assert api.client.get("/readyz").json()["not_ready"] == ["database"]
        assert api.verify(tokens) == 204


def test_a_poll_of_a_server_that_only_reads_is_not_fresh(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    poll = api.app.state.runtime.poll
    known = api.app.state.runtime.revocations.as_of
    with read_only(server, database):
        with pytest.raises(Unavailable):
            poll.poll()
        assert api.app.state.runtime.revocations.as_of == known
    poll.poll()


def test_connections_that_only_read_from_now_on_are_dropped(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    """No connection ends: a provider sets this for the whole server while its disk is full."""
    refresh = partial(api.refresh, tokens.refresh)
    with server.only_reading():
        until(lambda: refresh().status_code == 503)
        assert_unavailable(partial(api.client.get, "/readyz"))
        with pytest.raises(Unavailable):
            api.app.state.runtime.poll.poll()
    recovered(partial(api.client.get, "/readyz"))
    api.login()


def is_refused(act: Callable[[], object]) -> bool:
    try:
        act()
    except Unavailable:
        return True
    return False


def read(db: Database) -> None:
    with db.connect() as connection:
        connection.execute(select(1))


def test_a_server_that_only_reads_is_not_even_read(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, database: str
) -> None:
    """It may be a standby, which knows nothing of the newest log-out."""
    with read_only(server, database):
        assert is_refused(partial(read, api.app.state.runtime.db))


def test_a_poll_by_a_connection_that_only_reads_from_now_on_is_not_fresh(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    poll = api.app.state.runtime.poll
    poll.poll()
    with server.only_reading():
        until(lambda: is_refused(poll.poll), every=0.05)


def test_a_busy_process_whose_server_only_reads_from_now_on_is_not_ready(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    with server.only_reading():
        until(lambda: api.client.get("/readyz").status_code == 503, every=0.05)


def test_an_idle_connection_that_only_reads_from_now_on_is_not_read(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lost, "LULL_SECONDS", 0.0)
    with server.only_reading():
        until(lambda: is_refused(partial(read, api.app.state.runtime.db)), every=0.05)


def test_a_write_that_meets_a_server_that_only_reads_drops_every_connection(
    api: Api, tokens: Tokens, server: BreakablePostgreSQL
) -> None:
    """One that is used all the time is never asked after a lull: it would be kept for good."""
    with server.only_reading():
        until(lambda: api.refresh(tokens.refresh).status_code == 503, every=0.05)
        assert is_refused(partial(read, api.app.state.runtime.db))
