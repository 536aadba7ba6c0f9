"""Servers as in production, before databases that each test breaks in its own way."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.cluster import Cluster
from tests.support.server import ServerProcess
from tests.support.settings import SERVER

ISSUER = "https://auth.example"
SBIN = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

# What these tests do, in namespaces that end with the command. Root of a sandbox may not.
PROBE = "mount -t tmpfs authapi-test /mnt && ip link add authapi-test type bridge"


def _may_break() -> bool:
    if os.geteuid() != 0 or shutil.which("ip", path=SBIN) is None:
        return False
    command = ["unshare", "--mount", "--net", "sh", "-c", PROBE]
    done = subprocess.run(command, env={"PATH": SBIN}, capture_output=True, check=False)
    return done.returncode == 0


needs_root = pytest.mark.skipif(
    not _may_break(),
    reason="only root mounts disks and makes networks: run as root (apt install iproute2)",
)


# In this order two processes, which take one file after the other, end at about the same time.
LONGEST = ["killed_workers", "frozen_processes", "redis", "end_under_load", "full_disks", "rolling"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        return [name in item.path.name for name in [*LONGEST, "test_"]].index(True)

    items.sort(key=place)


class Workers(ServerProcess):
    """`authapi serve --workers 2`, on one database."""

    def __init__(self, folder: Path, database_url: str, *options: str, **settings: object) -> None:
        ours = {**SERVER, "public_url": ISSUER, "database_url": database_url, **settings}
        super().__init__(folder, *(options or ("--workers", "2")), **ours)

    @property
    def pids(self) -> list[int]:
        """Return the ids of its processes: those of a worker that was replaced differ."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]

    @property
    def serving(self) -> list[int]:
        """Return the same without what helps: multiprocessing's tracker of resources."""
        return [pid for pid in self.pids if "resource_tracker" not in _command_of(pid)]

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """No process ends or is restarted during the block."""
        before = self.pids
        yield
        assert self.pids == before


def _command_of(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text()
    return ""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster.running() as cluster:
        yield cluster


@pytest.fixture(scope="module")
def workers(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    with Workers(tmp_path_factory.mktemp("workers"), cluster.url) as workers:
        yield workers
