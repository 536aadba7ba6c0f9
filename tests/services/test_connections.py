"""How many connections the processes may open, beside how many PostgreSQL allows."""

import pytest
from sqlalchemy import make_url, text

from authapi.cli.serve import _prepare_once
from authapi.services.operation.connections import MOST_OF_A_PROCESS, tell_connections
from authapi.web.runtime import Runtime
from tests.support.api import Api
from tests.support.application import MakeSettings
from tests.support.databases import postgresql_only, sqlite_only
from tests.support.logging import captured

FOR_A_MOMENT = 3  # the poll's notifications, the purge, the row in `processes`


@pytest.fixture
def runtime(api: Api) -> Runtime:
    runtime: Runtime = api.app.state.runtime
    return runtime


def logged(runtime: Runtime, processes: int) -> list[dict[str, object]]:
    with captured("json") as log:
        tell_connections(runtime.db, processes)
    return [line for line in log.events if "connections" in line["event"]]


@sqlite_only
def test_all_pools_of_a_process_are_counted(runtime: Runtime) -> None:
    follower = runtime.row_follower._db
    pools = (runtime.db, runtime.mail_sender.db, runtime.poll.db, follower)
    assert sum(db.most_connections for db in pools) + FOR_A_MOMENT == MOST_OF_A_PROCESS


@sqlite_only
def test_sqlite_has_no_such_number(runtime: Runtime) -> None:
    assert logged(runtime, 100) == []


@postgresql_only
def test_workers_that_may_open_too_many_are_warned_of(runtime: Runtime) -> None:
    [said] = logged(runtime, 1)
    assert said["most"] == MOST_OF_A_PROCESS
    said, warned = logged(runtime, 4)
    assert said["allowed"] == 97  # of 100; three are kept for superusers
    assert warned["level"] == "warning"
    assert "4 processes with 32 connections each may open 128" in str(warned["reason"])
    assert "max_connections" in str(warned["remedy"])


@postgresql_only
def test_a_start_with_too_many_workers_warns(make_settings: MakeSettings) -> None:
    with captured("json") as log:
        _prepare_once(make_settings(), 4)
    assert "too_many_database_connections" in {line["event"] for line in log.events}


@postgresql_only
def test_the_limit_of_the_database_counts(runtime: Runtime, database_url: str) -> None:
    name = make_url(database_url).database
    with runtime.db.connect(to_write=True) as connection:
        connection.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT 40'))
    try:
        assert len(logged(runtime, 1)) == 1
        _, warned = logged(runtime, 2)
        assert "allows 40" in str(warned["reason"])
    finally:
        with runtime.db.connect(to_write=True) as connection:
            connection.execute(text(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1'))
