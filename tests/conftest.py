"""What tests stand on: two real databases, a clock that only moves when told, the app over HTTP.

Each database is migrated by Alembic once and copied for each test. Both read the time from the
test's clock: SQLite because the app registers its own, PostgreSQL through a `clock_timestamp()`
in a schema that the test's connections search before pg_catalog.
"""

import gc
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from authapi.app import create_app
from authapi.config import Settings
from authapi.db import migrations
from authapi.db.database import Database
from tests.support.api import Api
from tests.support.app_transport import AppClient
from tests.support.clock import TestClock
from tests.support.postgresql import PostgreSQL
from tests.support.process import Process, StartProcess

SECRET = "a secret for tests which is long enough"
DATABASES = ("sqlite", "postgresql")
MOSTLY_WAITING = ("faults", "project", "cli", "db")  # for outages, and for other processes

# Each application that a test makes is many objects that live as long as it: to look for garbage
# among them less often takes a tenth off the suite's CPU.
gc.set_threshold(20_000, 50, 100)

MakeSettings = Callable[..., Settings]
MakeApp = Callable[..., FastAPI]


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: a fifth of the time is waiting for outages to end."""
    return min((os.cpu_count() or 1) + 1, 4)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that mostly wait evenly among those that mostly compute: both go on at any time.

    The workers of xdist take one file after the other, in this order.
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


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, neutral_folder: Path
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


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path, clock: TestClock) -> Iterator[str]:
    """A migrated, empty database of the test's own, which reads the time from `clock`."""
    if request.param == "sqlite":
        path = tmp_path / "authapi.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: PostgreSQL = request.getfixturevalue("postgresql")
    with server.emptied_database() as name, server.setter_of_time(name) as set_time:
        clock.follow(set_time)
        yield server.url(name, test_clock=True)


@pytest.fixture
def make_settings(database_url: str) -> MakeSettings:
    """Settings for the test's database: cheap hashes, and whatever is given."""

    def make(**overrides: object) -> Settings:
        values: dict[str, Any] = {
            "database_url": database_url,
            "secret": SECRET,
            "hash_memory_kib": 1024,
            "hash_time_cost": 1,
            "revocation_poll": 60,
            "revocation_max_staleness": 120,
        }
        return Settings(**{**values, **overrides})

    return make


@pytest.fixture
def make_app(make_settings: MakeSettings, clock: TestClock) -> Iterator[MakeApp]:
    """The application with settings; several are several processes on one database."""
    made: list[FastAPI] = []

    def make(**overrides: object) -> FastAPI:
        app = create_app(make_settings(**overrides), clock=clock)
        made.append(app)
        return app

    yield make
    for app in made:
        app.state.runtime.close()


@pytest.fixture
def make_api(make_app: MakeApp) -> Iterator[Callable[..., Api]]:
    clients: list[AppClient] = []

    def make(**overrides: object) -> Api:
        clients.append(AppClient(make_app(**overrides)))
        return Api(clients[-1])

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """The application with default settings, as a client sees it."""
    return make_api()


@pytest.fixture
def db(api: Api) -> Database:
    """The same database as `api`'s, for what HTTP can't show."""
    database: Database = api.app.state.runtime.db
    return database


@pytest.fixture
def unique() -> Iterator[int]:
    return itertools.count()


@pytest.fixture
def start_process(make_settings: MakeSettings, clock: TestClock) -> Iterator[StartProcess]:
    """A process of its own on the test's database, `ahead` seconds off its clock; see Process."""
    started: list[Process] = []

    def start(*, ahead: float = 0, prepared: bool = True, **overrides: object) -> Process:
        process = Process.assembled(make_settings(**overrides), clock, lambda: clock() + ahead)
        started.append(process)
        if prepared:
            process.start()
        return process

    yield start
    for process in started:
        process.close()
