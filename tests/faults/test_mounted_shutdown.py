"""SIGTERM ends a server that mounts authapi, with its lifespan or without, while somebody waits."""

import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.faults import mounted_host
from tests.support.server import Program, free_port
from tests.support.settings import SERVER, environment
from tests.support.until import until

WAIT_SECONDS = 30


@pytest.mark.parametrize("how", ["alone", "with-lifespan"])
def test_a_request_that_waits_holds_up_no_server_around_a_mount(how: str, tmp_path: Path) -> None:
    port = free_port()
    command = (sys.executable, "-m", mounted_host.__name__, how, str(port))
    settings = SERVER | {"public_url": f"http://localhost:{port}/auth"}
    env = environment(**settings) | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with (
        Program(command, tmp_path, env, port, "/auth/readyz") as server,
        server.client(timeout=WAIT_SECONDS + 30) as client,
        ThreadPoolExecutor(1) as beside,
    ):
        cursor = client.get("/auth/revocations").json()["cursor"]
        query = {"since": cursor, "wait": WAIT_SECONDS}
        waiting = beside.submit(client.get, "/auth/revocations", params=query)
        until(lambda: waits(server), seconds=60, every=0.1)
        began = monotonic()
        assert server.stop() in {0, -signal.SIGTERM}
        assert monotonic() - began < WAIT_SECONDS / 2
        assert waiting.result().status_code == 200


def waits(server: Program) -> bool:
    with server.client() as client:
        answer: httpx.Response = client.get("/auth/metrics")
    return "authapi_revocation_waiters 1.0" in answer.text
