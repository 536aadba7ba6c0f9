"""The fixtures of all tests: two real databases, a clock that a test moves, the application.

Alembic migrates each database once, and every test gets a copy. Both databases read the time from
the test's clock. The application registers that clock in SQLite. PostgreSQL finds a function
`clock_timestamp()` in a schema that the test's connections search before pg_catalog.
"""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from fastapi import FastAPI

from authapi.clock import Clock
from authapi.config import Settings
from authapi.db import migrations
from authapi.db.database import Database
from tests.support import pgbouncer
from tests.support.api import Api
from tests.support.application import MakeApi, MakeApp, MakeSettings, api_of, application
from tests.support.clock import TestClock
from tests.support.databases import DATABASES
from tests.support.postgresql import PostgreSQL, with_test_clock
from tests.support.process import Process, StartProcess
from tests.support.service import MakeService, Service, serving
from tests.support.settings import settings_for

MOSTLY_WAITING = ("faults", "project", "cli", "db")  # for outages, and for other processes

# A test's application is many objects that live as long as it does. Fewer collections of garbage
# take a tenth off the suite's CPU time.
gc.set_threshold(20_000, 50, 100)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--through-pgbouncer",
        action="store_true",
        help="let PostgreSQL be reached through PgBouncer, with transaction pooling",
    )


def pytest_xdist_auto_num_workers() -> int:
    """Return one more than there are processors: tests wait for outages a fifth of the time."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that mostly wait evenly among those that mostly compute.

    The workers of xdist take one file after the other, in this order: some wait while others
    compute.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    waiting = [path for path in files if path.parent.name in MOSTLY_WAITING]
    computing = [path for path in files if path not in waiting]
    places = {
        path: (number + 0.5) / len(group)
        for group in (waiting, computing)
        for number, path in enumerate(group)
    }
    items[:] = [item for path in sorted(files, key=places.__getitem__) for item in files[path]]


@pytest.fixture
def _environment_as_it_was() -> Iterator[None]:
    """The kind: what one test leaves makes another fail, if one process happens to run both."""
    before = dict(os.environ)
    yield
    changed = dict(os.environ).items() ^ before.items()
    names = {name for name, _ in changed if name != "PYTEST_CURRENT_TEST"}
    assert names == set()


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(
    _environment_as_it_was: None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    neutral_folder: Path,
) -> None:
    for name in list(os.environ):
        if name.startswith("AUTHAPI_"):
            monkeypatch.delenv(name)
    # Most tests need no folder, and making and removing one for each takes long.
    has_folder = "tmp_path" in request.fixturenames
    monkeypatch.chdir(request.getfixturevalue("tmp_path") if has_folder else neutral_folder)


@pytest.fixture(scope="session")
def neutral_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="authapi-empty-") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrations.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with PostgreSQL.running() as server:
        yield server


@pytest.fixture(scope="session")
def url_of(
    request: pytest.FixtureRequest, postgresql: PostgreSQL
) -> Iterator[Callable[[str], str]]:
    """Yield a function that returns the URL of one of PostgreSQL's databases, by its name."""
    if not request.config.getoption("--through-pgbouncer"):
        yield partial(postgresql.url, test_clock=True)
        return
    if pgbouncer.PROGRAM is None:
        pytest.skip("there is no pgbouncer here: apt-get install pgbouncer")
    with pgbouncer.pooling(postgresql) as port:
        yield lambda name: with_test_clock(pgbouncer.url_through(port, name))


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[str]:
    """Yield the test's own migrated, empty database, which reads the time from `clock`."""
    if request.param == "sqlite":
        path = tmp_path / "authapi.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    # PgBouncer may still hold connections to an emptied database, which the server has ended.
    is_pooled = request.config.getoption("--through-pgbouncer")
    made = server.database() if is_pooled else server.emptied_database()
    with made as name, server.setter_of_time(name) as set_time:
        clock.follow(set_time)
        yield request.getfixturevalue("url_of")(name)


@pytest.fixture
def make_settings(database_url: str) -> MakeSettings:
    """Return a function that makes settings for the test's database."""

    def make(**overrides: object) -> Settings:
        return settings_for(str(overrides.pop("database_url", database_url)), **overrides)

    return make


@pytest.fixture
def make_app(make_settings: MakeSettings, clock: TestClock) -> Iterator[MakeApp]:
    """Yield a function that makes applications: each stands for a process on one database."""
    with ExitStack() as stack:

        def make(*, clock: Clock = clock, **overrides: object) -> FastAPI:
            return stack.enter_context(application(make_settings(**overrides), clock))

        yield make


@pytest.fixture
def make_api(make_app: MakeApp) -> Iterator[MakeApi]:
    """Yield a function that does the same, for applications as a client sees them."""
    with ExitStack() as stack:
        yield lambda **overrides: stack.enter_context(api_of(make_app(**overrides)))


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """Return the application with default settings, as a client sees it."""
    return make_api()


@pytest.fixture
def db(api: Api) -> Database:
    """Return the database of `api`, for what HTTP can't show."""
    database: Database = api.app.state.runtime.db
    return database


@pytest.fixture(scope="module")
def make_service(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[MakeService]:
    """Yield a function that makes services for a whole module, each on a SQLite of its own."""
    with ExitStack() as stack:

        def make(**overrides: object) -> Service:
            database = tmp_path_factory.mktemp("service") / "authapi.db"
            shutil.copy(sqlite_template, database)
            return stack.enter_context(serving(f"sqlite:///{database}", **overrides))

        yield make


@pytest.fixture(scope="module")
def service(make_service: MakeService) -> Service:
    """Return one application for a whole module, beside the one for each test."""
    return make_service()


@pytest.fixture
def start_process(make_settings: MakeSettings, clock: TestClock) -> Iterator[StartProcess]:
    """Yield a function that starts what a server process holds, on the test's database.

    Its clock is `ahead` seconds off the test's clock. See Process.
    """
    with ExitStack() as stack:

        def start(*, ahead: float = 0, prepared: bool = True, **overrides: object) -> Process:
            process = Process.assembled(make_settings(**overrides), clock, lambda: clock() + ahead)
            stack.callback(process.close)
            if prepared:
                process.start()
            return process

        yield start
