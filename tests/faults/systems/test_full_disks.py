"""A full disk: under PostgreSQL's tables, under its log of changes (WAL), and under SQLite.

What can't be written is 503, nothing that was acknowledged is lost, and authapi recovers by itself.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.systems.conftest import Workers, needs_root
from tests.faults.systems.load import Load
from tests.support.cluster import Cluster
from tests.support.small_disk import SmallDisk

pytestmark = needs_root

REFUSALS = 10
# PostgreSQL keeps 128 MiB of its log, and needs room for what it writes when it is there again.
DATA_MEBIBYTES, WAL_MEBIBYTES, SQLITE_MEBIBYTES = 160, 192, 8


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a folder that PostgreSQL's user can enter."""
    with tempfile.TemporaryDirectory(prefix="authapi-disk-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextmanager
def loaded(folder: Path, url: str, *options: str) -> Iterator[Load]:
    """Yield clients. At the end all go on, nothing is lost, and no process was restarted."""
    with Workers(folder, url, *options) as workers:
        with Load(workers.base_url).running() as load, workers.untouched():
            yield load
            load.goes_on()
        load.assert_sound()


def test_no_space_for_the_tables_of_postgresql(folder: Path, tmp_path: Path) -> None:
    with (
        SmallDisk.mounted(folder / "data", DATA_MEBIBYTES) as disk,
        Cluster.running(folder) as cluster,
        loaded(tmp_path, cluster.url) as load,
    ):
        cluster.move_wal(folder / "wal")
        load.goes_on()
        with disk.full():
            load.refuses(REFUSALS, " 503")
        assert cluster.is_running


def test_no_space_for_the_wal_of_postgresql(folder: Path, tmp_path: Path) -> None:
    """PostgreSQL stops, since it can't say what it did. Whoever watches it starts it again."""
    with (
        Cluster.running(folder) as cluster,
        SmallDisk.mounted(folder / "wal", WAL_MEBIBYTES) as disk,
    ):
        cluster.move_wal(disk.path)
        with loaded(tmp_path, cluster.url) as load:
            with disk.full():
                cluster.use_up_wal()
                load.refuses(REFUSALS, " 503")
            cluster.watch()
            load.goes_on()
        cluster.kill()


def test_no_space_for_sqlite(folder: Path, tmp_path: Path) -> None:
    with SmallDisk.mounted(folder / "disk", SQLITE_MEBIBYTES) as disk:
        url = f"sqlite:///{disk.path}/authapi.db"
        with loaded(tmp_path, url, "--workers", "1") as load, disk.full():
            load.refuses(REFUSALS, " 503")
