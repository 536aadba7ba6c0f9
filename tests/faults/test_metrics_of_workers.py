"""Several workers, one /metrics: a scrape sees them all, and no counter falls when one dies."""

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.application import MakeApi
from tests.support.server import START_TIMEOUT, ServerProcess
from tests.support.settings import SERVER
from tests.support.until import until
from tests.web.test_metrics import metrics, samples

WORKERS = 3
# uvicorn asks each worker whether it lives. One that is killed at that moment gets 60 s to answer.
RESTART_SECONDS = 60.0 + START_TIMEOUT
HEALTHZ = 'requests_total{route="GET /healthz",status="200"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("workers")
    with ServerProcess(folder, "--workers", str(WORKERS), **SERVER) as running:
        await_workers(running, WORKERS)
        yield running


def await_workers(server: ServerProcess, count: int) -> None:
    until(lambda: scrape(server)["processes"] == count, seconds=2 * START_TIMEOUT, every=0.1)


def scrape(server: ServerProcess) -> dict[str, float]:
    with server.client() as client:  # a new connection: any worker answers
        return samples(client.get("/metrics").text)


def ask(server: ServerProcess, count: int) -> None:
    for _ in range(count):
        with server.client() as client:
            assert client.get("/healthz").status_code == 200


def workers_of(server: ServerProcess) -> list[int]:
    """Return the ids of the processes that hold a file of numbers open."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return [int(child) for child in children if numbers_of(int(child))]


def numbers_of(pid: int) -> set[Path]:
    """Return the files of numbers that a process holds open. Its descriptors come and go."""
    opened = set()
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                opened.add(link.readlink())
    return {path for path in opened if "authapi-metrics-" in str(path)}


def test_any_worker_tells_what_all_have_counted(server: ServerProcess) -> None:
    before = scrape(server).get(HEALTHZ, 0)
    ask(server, 30)
    # Each of these may be answered by another worker. No one is behind another.
    assert [scrape(server)[HEALTHZ] for _ in range(8)] == [before + 30] * 8


def test_no_counter_falls_when_a_worker_is_killed(server: ServerProcess) -> None:
    ask(server, 20)
    before = scrape(server)
    victims = workers_of(server)
    assert len(victims) == WORKERS
    for victim in victims[:2]:
        os.kill(victim, signal.SIGKILL)
        until(lambda gone=victim: gone not in workers_of(server))  # type: ignore[misc]
        until(lambda: len(workers_of(server)) == WORKERS, seconds=RESTART_SECONDS, every=0.05)
        assert fallen(before, scrape(server)) == {}
    await_workers(server, WORKERS)
    assert scrape(server)[HEALTHZ] == before[HEALTHZ]


def fallen(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    counters = [name for name in before if "_total" in name or "_count" in name]
    return {name: after.get(name, 0) for name in counters if after.get(name, 0) < before[name]}


def test_a_worker_that_ended_has_no_gauges(server: ServerProcess) -> None:
    with server.client() as kept:  # a connection to one of them
        kept.get("/healthz")
        until(lambda: scrape(server)["connections_open"] == 2, seconds=30, every=0.05)
    until(lambda: scrape(server)["connections_open"] == 1, seconds=30, every=0.05)


def test_the_folder_goes_with_the_server(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--workers", "2", **SERVER) as killed:
        await_workers(killed, 2)
        left = folder_of(killed)
    assert left.exists()
    os.utime(left / "server", (0, 0))  # long ago
    with ServerProcess(tmp_path, "--workers", "2", **SERVER) as server:
        await_workers(server, 2)
        assert not left.exists()
        folder = folder_of(server)
        server.stop()
    assert not folder.exists()


def folder_of(server: ServerProcess) -> Path:
    files = {path for worker in workers_of(server) for path in numbers_of(worker)}
    assert len(files) == 2
    [folder] = {path.parent for path in files}
    return folder


def test_applications_in_other_servers_share_a_folder(
    tmp_path: Path, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "numbers"
    folder.mkdir()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(folder))
    one, other = make_api(), make_api()
    for api in (one, other, one):
        api.expect(200, "GET", "/readyz")
    name = 'requests_total{route="GET /readyz",status="200"}'
    until(lambda: metrics(other)[name] == 3)
    assert metrics(one)["processes"] == 2
    other.app.state.start_gate.close()  # its counts stay
    assert metrics(one)["processes"] == 1
    assert metrics(one)[name] == 3
    other.expect(200, "GET", "/readyz")  # it goes on in its file
    assert metrics(one)["processes"] == 2
    assert metrics(one)[name] == 4
    assert len(list(folder.iterdir())) == 2


def test_a_folder_that_is_not_there_stops_nobody(
    tmp_path: Path, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "missing"))
    api = make_api()
    api.expect(200, "GET", "/readyz")
    assert metrics(api)["processes"] == 1
