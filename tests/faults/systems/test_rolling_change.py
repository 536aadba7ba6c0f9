"""The release before the newest migration serves on while this one migrates and comes beside it.

Its code is the repository's at the commit before that migration.
"""

import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from tarfile import TarFile

import pytest

from authapi.db import migrations
from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import Load
from tests.project.tree import ROOT
from tests.support.cluster import Cluster

REVISION = f"SELECT version_num FROM {migrations.VERSION_TABLE}"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="the release before is read from the clone's history"
)


def git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this clone's history does not go back so far: {done.stderr.decode()}")
    return done.stdout


class ReleaseBefore(Workers):
    """authapi as it was before the newest migration, by the packages of today."""

    def __init__(self, code: Path, folder: Path, database_url: str) -> None:
        super().__init__(folder, database_url, "--workers", "1")
        self._environment |= {"PYTHONPATH": str(code / "src")}
        self._command = (sys.executable, "-m", "authapi", *self._command[1:])

    def authapi(self, *arguments: str) -> None:
        """Run another command of that release."""
        command = (*self._command[:3], *arguments)
        subprocess.run(command, env=self._environment, cwd=self._folder, check=True, timeout=180)


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """Return a folder with the code of the release before."""
    [newest] = [
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "alembic" / "versions").glob("*.py")
        if f'revision: str = "{migrations.NEWEST_REVISION}"' in path.read_text(encoding="utf-8")
    ]
    commits = git("log", "--format=%H", "--diff-filter=A", "--", newest).decode().split()
    if not commits:
        pytest.skip("the newest migration is not committed")
    folder = tmp_path / "before"
    archive = git("archive", "--format=tar", f"{commits[-1]}^", "src", "alembic", "clients")
    with TarFile(fileobj=BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster.running(migrated=False) as cluster:
        yield cluster


def test_both_releases_serve_while_the_database_is_migrated(
    cluster: Cluster, code: Path, tmp_path: Path
) -> None:
    """Sessions go on from one release to the other and back, and a log-out counts in both."""
    before = ReleaseBefore(code, tmp_path, cluster.url)
    before.authapi("migrate")
    assert cluster.ask(REVISION) != migrations.NEWEST_REVISION
    with before:
        with Load(before.base_url).running() as load, before.untouched():
            cluster.migrate()
            assert cluster.ask(REVISION) == migrations.NEWEST_REVISION
            load.goes_on()
        load.assert_sound()
        with Workers(tmp_path, cluster.url) as now:
            with Load(before.base_url, now.base_url).running() as load:
                load.goes_on()
            load.assert_sound()
