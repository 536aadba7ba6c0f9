"""A process that is frozen for a minute (SIGSTOP), as one of a machine that is moved or swaps.

It holds transactions and connections meanwhile, and knows nothing of what was revoked. One test,
since a minute is a minute: a server of one process, and one of two workers, freeze side by side.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from time import monotonic, sleep

import httpx

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import Load, bearer
from tests.support.cluster import Cluster
from tests.support.refresh_rule import new_key
from tests.support.server import START_TIMEOUT
from tests.support.until import until

FROZEN_SECONDS = 60.0
PAUSE = 0.5  # of the clients of three servers, for a minute
# The contract's bound is REVOCATION_POLL, a second, from the moment at which it wakes. The rest is
# for a busy machine: without a poll the tokens are good for 15 minutes.
BOUND_SECONDS = 30.0
REPLACED_SECONDS = 300.0
MOVERS, IMPATIENCE_SECONDS = 8, 4.0
MOVED_SECONDS = 45.0  # less than the minute: the frozen process still holds what it held
REVOKED = 5


class Mover:
    """A client of the machine that freezes, which gives up on it and goes on at the other one."""

    def __init__(self, load: Load, here: Workers, there: Workers) -> None:
        self._here, self._there = here, there
        with load.client(here.base_url) as client:
            self._token = load.log_in(client)["refresh_token"]
        self._key, self.moved_within, self.problem = new_key(), 0.0, ""
        self.thread = Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._refresh_until_cut_off()
            began = monotonic()
            with self._there.client() as client:
                while self._refresh(client) == 503:
                    sleep(0.1)
                self.moved_within = monotonic() - began
                self._refresh(client)
        except Exception as error:  # noqa: BLE001 - the test's thread reads it
            self.problem = repr(error)

    def _refresh_until_cut_off(self) -> None:
        try:
            with self._here.client(timeout=IMPATIENCE_SECONDS) as client:
                while True:
                    self._refresh(client)
        except httpx.TimeoutException:
            pass

    def _refresh(self, client: httpx.Client) -> int:
        body, kept = {"refresh_token": self._token}, {"Idempotency-Key": self._key}
        answer = client.post("/refresh", json=body, headers=kept)
        if answer.status_code != 503:
            assert answer.status_code == 200, answer.text
            self._token, self._key = answer.json()["refresh_token"], new_key()
        return answer.status_code


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_minute_of_sleep_lets_nothing_through_and_logs_nobody_out(
    cluster: Cluster, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in ("frozen", "awake", "pair")]
    for folder in folders:
        folder.mkdir()
    here, there = (Workers(each, cluster.url, "--workers", "1") for each in folders[:2])
    with here, there, Workers(folders[2], cluster.url) as pair:
        until(lambda: pair.log.count("startup complete") == 2, seconds=START_TIMEOUT, every=0.1)
        loads = [Load(each.base_url, cuts=True, pause=PAUSE) for each in (here, there, pair)]
        with loads[0].running() as load, loads[1].running() as other, loads[2].running():
            victim = pair.serving[1]
            with load.client(here.base_url) as client:
                ended = [load.log_in(client) for _ in range(REVOKED)]
                assert all(verify(client, each) == 204 for each in ended)
            movers = [Mover(load, here, there) for _ in range(MOVERS)]
            for mover in movers:
                mover.thread.start()
            load.goes_on()
            began = monotonic()
            with frozen(here.pid), frozen_until_replaced(victim, pair):
                with load.client(there.base_url) as client:
                    for each in ended:
                        load.log_out(client, each)
                for mover in movers:
                    mover.thread.join(MOVED_SECONDS + IMPATIENCE_SECONDS)
                    assert not mover.thread.is_alive()
                    assert mover.problem == ""
                    assert mover.moved_within < MOVED_SECONDS
                other.goes_on()
                sleep(max(0.0, began + FROZEN_SECONDS - monotonic()))
            let_through = refuses_soon(load, here, ended)
            for clients in loads:
                clients.goes_on()
        for clients in loads:
            clients.assert_sound()
        assert here.is_running
        assert len(pair.serving) == 3
    print(f"let through after it woke: {let_through:.3f} s")


@contextmanager
def frozen_until_replaced(victim: int, pair: Workers) -> Iterator[None]:
    """Freeze a worker; its parent takes it for dead after a minute, and starts another one."""
    os.kill(victim, signal.SIGSTOP)
    yield
    until(lambda: victim not in pair.serving, seconds=REPLACED_SECONDS, every=0.1)
    until(lambda: len(pair.serving) == 3, seconds=REPLACED_SECONDS, every=0.1)


def verify(client: httpx.Client, pair: dict[str, str]) -> int:
    return client.get("/verify", headers=bearer(pair)).status_code


def refuses_soon(load: Load, server: Workers, ended: list[dict[str, str]]) -> float:
    """Return the seconds until all are refused. Afterwards none is let through."""
    with load.client(server.base_url) as client:

        def are_refused() -> bool:
            return {verify(client, each) for each in ended} == {401}

        took = until(are_refused, seconds=BOUND_SECONDS, every=0.01)
        assert all(are_refused() for _ in range(20))
    return took
