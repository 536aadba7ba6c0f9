"""kill -9 of a worker in a storm of refreshes, fifty times over. Its parent brings it back.

Every other time both workers die at once: then the kernel holds the connections until one is back.
"""

import os
import signal
from pathlib import Path
from random import Random
from time import sleep

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import Load
from tests.support.cluster import Cluster
from tests.support.until import until

KILLS, KEEPERS = 50, 8
BACK_SECONDS = 45.0  # less than the minute that uvicorn gives a worker to answer
LONGEST_PAUSE_SECONDS = 0.2
ASKED_SECONDS = 1.5  # in which a parent asks, ours or uvicorn's
STARTED = "Application startup complete."


def test_fifty_killed_workers_log_nobody_out(cluster: Cluster, tmp_path: Path) -> None:
    chance, started = Random(9700), 2
    with Workers(tmp_path, cluster.url) as workers:
        until(lambda: workers.log.count(STARTED) == 2, seconds=BACK_SECONDS, every=0.05)
        with Load(workers.base_url, cuts=True, keepers=KEEPERS).running() as load:
            while started < 2 + KILLS:
                sleep(chance.uniform(0, LONGEST_PAUSE_SECONDS))
                _, *children = workers.serving
                for victim in children[: 1 + started % 4 // 2]:
                    os.kill(victim, signal.SIGKILL)
                    started += 1
                until(
                    lambda: workers.log.count(STARTED) >= started,  # noqa: B023
                    seconds=BACK_SECONDS,
                    every=0.02,
                )
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
        until(lambda: workers.log.count(STARTED) == 2, seconds=BACK_SECONDS, every=0.05)
        victim = workers.serving[1]
        os.kill(victim, signal.SIGSTOP)
        sleep(ASKED_SECONDS)
        os.kill(victim, signal.SIGKILL)
        until(lambda: workers.log.count(STARTED) == 3, seconds=BACK_SECONDS, every=0.05)
