"""A database that tests break, servers as in production, and limits on their answers."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest
from sqlalchemy import Engine, create_engine

from tests.support.api import EMAIL, PASSWORD
from tests.support.breakable_postgresql import BreakablePostgreSQL
from tests.support.clock import TestClock
from tests.support.databases import DATABASES
from tests.support.installation import Installation
from tests.support.postgresql import PostgreSQL
from tests.support.settings import settings_for

# The promise is two seconds; the rest is for a machine that runs other tests too. A busier one may
# need another try. What hangs is LATE in each.
SOON, LATE = 3.0, 15.0
TRIES = 3
RECOVERY = 30.0

Request = Callable[[], httpx.Response]


@pytest.fixture(scope="module")
def server() -> Iterator[BreakablePostgreSQL]:
    with BreakablePostgreSQL.running() as running:
        yield running


@pytest.fixture
def database(server: BreakablePostgreSQL) -> Iterator[str]:
    with server.database() as name:
        yield name


@pytest.fixture
def breakable_url(server: BreakablePostgreSQL, database: str, clock: TestClock) -> str:
    clock.follow(partial(server.set_time, database))
    return server.url(database, test_clock=True)


@pytest.fixture(scope="module")
def installation(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    with (
        postgresql.database() as name,
        Installation(tmp_path_factory.mktemp("servers"), postgresql.url(name)) as running,
    ):
        running.authapi("users", "create", EMAIL, "--password-stdin", typed=f"{PASSWORD}\n")
        yield running


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield a database for server processes: its time is the machine's."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/authapi.db"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.emptied_database() as name:
        yield server.url(name)


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    """Yield the test's own way into that database."""
    made = create_engine(settings_for(url).database_url)
    yield made
    made.dispose()


def assert_unavailable(request: Request) -> None:
    """503 as docs/errors.md has it, in under two seconds."""
    took = list[float]()
    while not took or took[-1] >= SOON:
        assert len(took) < TRIES, took
        started = monotonic()
        response = request()
        took.append(monotonic() - started)
        assert response.status_code == 503, response.text
        assert response.headers["Retry-After"] == "1"
        assert response.json()["error"] == "unavailable"
        assert took[-1] < LATE


def recovered(request: Request, status: int = 200) -> httpx.Response:
    """Return the first answer that is not 503; it has to come soon and be `status`."""
    deadline = monotonic() + RECOVERY
    while (response := request()).status_code == 503 and monotonic() < deadline:
        sleep(0.05)
    assert response.status_code == status, response.text
    return response
