"""Several processes make, rotate and mark keys at the same moment."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from authapi.db import signing_keys
from authapi.errors import OperatorError
from authapi.services.keys.ring import State, states
from authapi.services.keys.rotation import list_keys, mark_compromised, rotate_key
from tests.support.clock import TestClock
from tests.support.databases import postgresql_only
from tests.support.forked import ForkedServer
from tests.support.postgresql import PostgreSQL
from tests.support.process import DAY, Process, StartProcess
from tests.support.settings import SECRET
from tests.support.together import together


def states_of(process: Process) -> list[State]:
    keys, now = list_keys(process.db)
    return [states(keys, now)[key.kid] for key in keys]


def test_processes_that_start_at_one_moment_make_one_first_key(
    start_process: StartProcess,
) -> None:
    processes = [start_process(prepared=False) for _ in range(4)]
    assert together(*(process.start for process in processes)) == [None] * 4
    assert states_of(processes[0]) == [State.ACTIVE]
    tokens = [process.mint() for process in processes]
    assert all(process.accepts(token) for process in processes for token in tokens)


def test_processes_that_rotate_by_age_at_one_moment_add_one_key(
    start_process: StartProcess, clock: TestClock
) -> None:
    processes = [start_process(key_rotation_days=1) for _ in range(3)]
    clock.advance(DAY)
    assert together(*(process.poll for process in processes)) == [None] * 3
    assert states_of(processes[0]) == [State.NEXT, State.ACTIVE]


def test_operators_who_rotate_at_one_moment_add_one_key(start_process: StartProcess) -> None:
    process = start_process()

    def rotate() -> str:
        return rotate_key(process.db, process.settings, at_once=False).kid

    outcomes = together(rotate, rotate, rotate)
    assert states_of(process) == [State.NEXT, State.ACTIVE]
    assert sum(isinstance(outcome, OperatorError) for outcome in outcomes) == 2


@postgresql_only
def test_a_key_is_marked_compromised_although_another_is_being_added(
    start_process: StartProcess,
) -> None:
    process = start_process()
    stolen = process.signs_with()
    with process.db.begin() as tx:
        signing_keys.lock(tx)  # as a rotation by age holds it
        marking = Thread(target=mark_compromised, args=(process.db, process.settings, stolen))
        marking.start()
    marking.join(60)
    assert states_of(process) == [State.ACTIVE, State.COMPROMISED]


@pytest.fixture
def empty_database(postgresql: PostgreSQL) -> Iterator[str]:
    with postgresql.database() as name:
        yield postgresql.url(name)


def test_real_processes_that_start_at_one_moment_agree_on_one_key(
    empty_database: str, tmp_path: Path
) -> None:
    servers = [ForkedServer(tmp_path, database_url=empty_database, secret=SECRET) for _ in "12"]
    try:
        assert together(*(server.start for server in servers)) == [None, None]
        sets = []
        for server in servers:
            with server.client() as client:
                sets.append(client.get("/.well-known/jwks.json").json()["keys"])
    finally:
        for server in servers:
            server.kill()
    assert len(sets[0]) == 1
    assert sets[0] == sets[1]
