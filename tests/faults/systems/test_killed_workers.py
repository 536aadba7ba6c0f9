"""kill -9 of a worker in a storm of refreshes, fifty times over. Its parent brings it back.

Every other time both workers die at once: then the kernel holds the connections until one is back.
"""

import os
import signal
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import Load
from tests.support.cluster import Cluster
from tests.support.server import START_TIMEOUT
from tests.support.until import until

KILLS, KEEPERS = 50, 8
# The parent starts another process at once. uvicorn's would give the dead one a minute to answer.
REPLACED_SECONDS = 45.0
LONGEST_PAUSE_SECONDS = 0.2
ASKED_SECONDS = 1.5  # in which a parent asks, ours or uvicorn's
STARTED = "Application startup complete."


def wait_for_starts(workers: Workers, number: int) -> None:
    """Wait until so many workers serve, or have served. Each needs two seconds of a processor."""
    until(lambda: workers.log.count(STARTED) >= number, seconds=START_TIMEOUT, every=0.02)


def wait_for_others(workers: Workers, victims: list[int]) -> None:
    """Wait until the parent has two workers, none of which is one of these."""

    def are_replaced() -> bool:
        serving = workers.serving
        return len(serving) == 3 and not set(victims) & set(serving)

    until(are_replaced, seconds=REPLACED_SECONDS, every=0.02)


@pytest.mark.timeout(1800)  # fifty starts under load
def test_fifty_killed_workers_log_nobody_out(cluster: Cluster, tmp_path: Path) -> None:
    chance, started = Random(9700), 2
    with Workers(tmp_path, cluster.url) as workers:
        wait_for_starts(workers, started)
        with Load(workers.base_url, cuts=True, keepers=KEEPERS).running() as load:
            while started < 2 + KILLS:
                sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                victims = workers.serving[1 : 2 + started % 4 // 2]
                for victim in victims:
                    os.kill(victim, signal.SIGKILL)
                started += len(victims)
                wait_for_others(workers, victims)
                wait_for_starts(workers, started)
            load.goes_on()
        load.assert_sound()
        assert len(workers.serving) == 3
    asked = sum(n for what, n in load.told.statuses.items() if what.startswith("POST /login "))
    rows = cluster.ask("SELECT count(*) FROM sessions")
    assert load.count("/login 200") <= rows <= asked  # however often each was refreshed
    assert load.count("/refresh 502") > 0, "no request was cut off"


def test_a_worker_that_dies_while_its_parent_asks_it_is_replaced_at_once(
    cluster: Cluster, tmp_path: Path
) -> None:
    """The parent asks whether it lives. It must not wait for the answer of a dead one."""
    with Workers(tmp_path, cluster.url) as workers:
        wait_for_starts(workers, 2)
        victim = workers.serving[1]
        os.kill(victim, signal.SIGSTOP)
        sleep(ASKED_SECONDS)
        os.kill(victim, signal.SIGKILL)
        wait_for_others(workers, [victim])
        wait_for_starts(workers, 3)
