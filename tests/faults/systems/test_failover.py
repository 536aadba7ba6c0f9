"""A primary with a standby that every commit waits for, by PostgreSQL's own tools.

The primary dies under load, and the standby is promoted. The URL names both, and nothing else of
which one takes writes: authapi finds it.
"""

from collections.abc import Iterator
from time import sleep

import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import PATIENCE_SECONDS, Load
from tests.support.cluster import DATABASE, Cluster
from tests.support.until import until

GONE_SECONDS = 2.0
ASKED = 12  # times, on connections of their own, so that both workers are asked


@pytest.fixture(scope="module")
def standby(cluster: Cluster) -> Iterator[Cluster]:
    with cluster.standby() as standby:
        yield standby


@pytest.fixture(scope="module")
def workers(
    cluster: Cluster, standby: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Workers]:
    hosts = f"{cluster.host}:{cluster.port},{standby.host}:{standby.port}"
    url = f"postgresql://postgres@{hosts}/{DATABASE}"
    with Workers(tmp_path_factory.mktemp("workers"), url) as workers:
        yield workers


@pytest.fixture(scope="module")
def clients(workers: Workers) -> Iterator[Load]:
    with Load(workers.base_url).running() as load:
        yield load


@pytest.fixture
def load(clients: Load, workers: Workers) -> Iterator[Load]:
    with workers.untouched():
        yield clients
        clients.goes_on()
    clients.assert_sound()


def acknowledged(load: Load) -> int:
    return sum(load.count(what) for what in ("/login 200", "/refresh 200", "/logout 204"))


def test_what_the_standby_has_not_got_is_not_acknowledged(
    load: Load, cluster: Cluster, standby: Cluster
) -> None:
    """Else a failover would undo a log-out that was answered 204."""
    with standby.frozen():
        load.refuses(20, " 503")
        before = acknowledged(load)
        sleep(GONE_SECONDS)
        assert acknowledged(load) == before
        load.verifies_on()


def test_a_failover_under_load_loses_nothing_and_no_process_restarts(
    load: Load, cluster: Cluster, standby: Cluster
) -> None:
    cluster.kill()
    load.refuses()
    standby.promote()
    load.goes_on()


def test_the_old_primary_comes_back_as_a_standby_and_then_takes_over(
    load: Load, workers: Workers, cluster: Cluster, standby: Cluster
) -> None:
    """There and back again: it is rewound, follows, and is promoted when the other one dies.

    Until then it only reads, so no process that reaches it alone is ready.
    """
    cluster.follow(standby)
    load.goes_on()
    standby.kill()
    load.refuses()
    assert [ready(workers) for _ in range(ASKED)] == [503] * ASKED
    cluster.promote()
    load.goes_on()
    until(lambda: ready(workers) == 200, seconds=PATIENCE_SECONDS, every=0.05)


def ready(workers: Workers) -> int:
    with workers.client() as client:
        return client.get("/readyz").status_code
