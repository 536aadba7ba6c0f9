"""A full /dev/shm, where the workers share the numbers of /metrics: no worker dies of it.

The numbers are in files that are mapped into memory. Without space for a page the kernel kills the
process that writes to it (SIGBUS).
"""

import re
from pathlib import Path

from tests.faults.systems.conftest import Workers, needs_root
from tests.support.cluster import Cluster
from tests.support.server import START_TIMEOUT
from tests.support.small_disk import SmallDisk
from tests.support.until import until

pytestmark = needs_root

ASKED = 40  # each on a connection of its own, so that both workers are asked
HEALTHZ = re.compile(r'^authapi_requests_total\{route="GET /healthz",status="200"\} (\S+)$', re.M)
PROCESSES = re.compile(r"^authapi_processes (\S+)$", re.M)
SMALL_MEMORY = 'mount -t tmpfs -o size=4k authapi-test /dev/shm && exec "$@"'


class InSmallMemory(Workers):
    """Workers for whom /dev/shm has room for one page."""

    def __init__(self, folder: Path, database_url: str) -> None:
        super().__init__(folder, database_url)
        self._command = ("unshare", "--mount", "sh", "-c", SMALL_MEMORY, "sh", *self._command)


def ask(server: Workers) -> None:
    for _ in range(ASKED):
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


def number(server: Workers, name: re.Pattern[str]) -> float:
    with server.client() as client:
        found = name.search(client.get("/metrics").text)
    return float(found[1]) if found else 0.0


def test_workers_without_memory_for_their_numbers_serve_on(
    cluster: Cluster, tmp_path: Path
) -> None:
    with InSmallMemory(tmp_path, cluster.url) as server:
        until(lambda: "metrics_not_shared" in server.log, seconds=START_TIMEOUT, every=0.05)
        until(lambda: server.log.count("startup complete") == 2, seconds=START_TIMEOUT, every=0.05)
        with server.untouched():
            ask(server)
            assert number(server, HEALTHZ) > 0
        assert server.log.count("metrics_not_shared") <= 2  # a line a worker


def test_numbers_that_have_their_space_are_counted_when_the_disk_is_full(
    cluster: Cluster, tmp_path: Path
) -> None:
    with SmallDisk.mounted(tmp_path / "numbers", mebibytes=1) as disk:
        server = Workers(tmp_path, cluster.url)
        server._environment |= {"PROMETHEUS_MULTIPROC_DIR": str(disk.path)}
        with server:
            until(lambda: number(server, PROCESSES) == 2, seconds=START_TIMEOUT, every=0.1)
            before = number(server, HEALTHZ)
            with disk.full(), server.untouched():
                ask(server)
                assert {number(server, HEALTHZ) for _ in range(8)} == {before + ASKED}
