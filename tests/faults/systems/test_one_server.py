"""One PostgreSQL, two workers, and clients under load: it restarts, freezes, and is killed."""

from collections.abc import Iterator
from time import sleep

import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import Load
from tests.support.cluster import Cluster

FROZEN_SECONDS = 10.0
GONE_SECONDS = 2.0


@pytest.fixture(scope="module")
def clients(cluster: Cluster, workers: Workers) -> Iterator[Load]:
    with Load(workers.base_url).running() as load:
        yield load


@pytest.fixture
def load(clients: Load, workers: Workers) -> Iterator[Load]:
    """Yield the load. After the test all go on, nothing is lost, and no process was restarted."""
    with workers.untouched():
        yield clients
        clients.goes_on()
    clients.assert_sound()


def test_restarts_under_load_lose_nothing(load: Load, cluster: Cluster) -> None:
    for _ in range(3):
        cluster.restart()
        load.goes_on()


def test_a_freeze_of_ten_seconds_loses_nothing(load: Load, cluster: Cluster) -> None:
    """Tokens are verified all the time, and what asks the database is 503 all the time."""
    with cluster.frozen():
        sleep(FROZEN_SECONDS)
        load.refuses()


def test_a_server_that_is_killed_and_started_again_has_lost_nothing(
    load: Load, cluster: Cluster
) -> None:
    cluster.kill()
    load.verifies_on()
    sleep(GONE_SECONDS)
    cluster.start()
