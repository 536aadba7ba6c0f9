"""SIGTERM under load: each request gets its whole answer, or its connection was refused.

`systemctl stop` sends it to every process of the service, `kill` and Docker to the first alone.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import ADA, PATIENCE_SECONDS, bearer, patient
from tests.support.cluster import Cluster
from tests.support.refresh_rule import new_key
from tests.support.until import until

ROUNDS = 2
FRESH, KEPT = 12, 6  # clients with a connection for each request, and with one for all
ENOUGH = 10  # answers that each client has before the signal
LONGEST_END_SECONDS = 120.0


class Client:
    """Asks without a pause until it is refused. `dropped` names a request without an answer."""

    def __init__(self, url: str, *, keeps: bool) -> None:
        limits = httpx.Limits(max_keepalive_connections=1 if keeps else 0)
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=60, limits=limits)
        self.statuses: Counter[int] = Counter()
        self.dropped: list[str] = []
        self.thread = Thread(target=self._run)

    def has_begun(self) -> bool:
        assert self.thread.is_alive(), self.dropped or "it was refused before the signal"
        return self.statuses.total() > ENOUGH

    def _run(self) -> None:
        try:
            pair = self._log_in()
            while True:
                headers = {**bearer(pair), "Idempotency-Key": new_key()}
                self._note(self._http.get("/verify", headers=headers))
                body = {"refresh_token": pair["refresh_token"]}
                answer = self._note(self._http.post("/refresh", json=body, headers=headers))
                pair = answer.json() if answer.status_code == 200 else pair
        except httpx.ConnectError:
            pass  # refused: nothing was sent
        except Exception as error:  # noqa: BLE001 - the test's thread reads it
            self.dropped.append(repr(error))
        finally:
            self._http.close()

    def _log_in(self) -> dict[str, Any]:
        # One address has few places in the queue for passwords.
        return dict(patient(partial(self._http.post, "/login", json=ADA)).json())

    def _note(self, answer: httpx.Response) -> httpx.Response:
        self.statuses[answer.status_code] += 1
        return answer


def kill(pid: int, number: int) -> None:
    os.kill(pid, number)


@pytest.mark.parametrize(
    ("workers", "send"),
    [(1, kill), (2, kill), (2, os.killpg)],
    ids=["one process", "two workers", "two workers and their parent"],
)
def test_sigterm_under_load_drops_no_request(
    workers: int, send: Callable[[int, int], None], cluster: Cluster, tmp_path: Path
) -> None:
    server = Workers(tmp_path, cluster.url, "--workers", str(workers))
    for _ in range(ROUNDS):
        with server:
            with server.client() as client:
                made = patient(partial(client.post, "/register", json=ADA))
                assert made.status_code in {201, 409}
            clients = [Client(server.base_url, keeps=n < KEPT) for n in range(FRESH + KEPT)]
            for each in clients:
                each.thread.start()
            for each in clients:
                until(each.has_begun, seconds=PATIENCE_SECONDS, every=0.05)
            send(server.pid, signal.SIGTERM)
            assert server._running.wait(LONGEST_END_SECONDS) == 0
            for each in clients:
                each.thread.join(PATIENCE_SECONDS)
        assert [what for each in clients for what in each.dropped] == []
        told = sum((each.statuses for each in clients), Counter())
        assert told.keys() <= {200, 204, 503}, told
