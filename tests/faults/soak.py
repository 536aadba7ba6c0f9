"""A soak of the whole: `python -m tests.faults.soak MINUTES`, or `make soak`.

200 clients of all four transports keep their sessions on two workers and one PostgreSQL, while the
younger worker is killed each minute. The older one lives to the end, so its memory tells of leaks.

It prints a report, and its status is 1 if one of these fails:

- every client is logged in at the end, and none was told anything but 200, 204 and 503
- the database has one row per session
- the older worker's memory in the last half is within GROWTH of its memory at half time
"""

import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, cast

import httpx

from tests.faults.systems.conftest import Workers
from tests.faults.systems.load import ADA
from tests.support.api import Api
from tests.support.cluster import Cluster
from tests.support.refresh_rule import new_key
from tests.support.transports import TRANSPORTS, Holder
from tests.support.until import until

CLIENTS = 200
PAUSE_SECONDS = (1.0, 3.0)  # between two acts of a client
KILL_EVERY_SECONDS = 60.0
SAMPLE_EVERY_SECONDS = 5.0
PATIENCE_SECONDS = 120.0
GROWTH, GROWTH_KIB = 1.1, 4096  # a tenth, and a little for what is counted in pages
REPEATED = {502, 503}  # 502 is ours, for a request that was cut off
GOOD = {200, 204}


@dataclass
class Remote:
    """A server, for a Holder."""

    client: httpx.Client


@dataclass
class Story:
    """What all clients were told."""

    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)
    over: Event = field(default_factory=Event)

    def note(self, what: str) -> None:
        with self.lock:
            self.statuses[what] += 1


class Client:
    """A client that keeps its key with its token, and repeats what was not answered."""

    def __init__(self, number: int, url: str, story: Story) -> None:
        self._http = httpx.Client(base_url=url, trust_env=False, timeout=30)
        self._holder = Holder(cast("Api", Remote(self._http)), TRANSPORTS[number % 4])
        self._story, self._chance, self._key = story, Random(number), new_key()
        self.is_logged_in = Event()
        self.thread = Thread(target=self._run, name=f"{self._holder.transport} {number}")

    def _run(self) -> None:
        try:
            login = {**ADA, "transport": self._holder.transport}
            self._holder.take(self._insist("POST", "/login", json=login))
            self.is_logged_in.set()
            while not self._story.over.wait(self._chance.uniform(*PAUSE_SECONDS)):
                self.act()
            self.act()  # at the end it is logged in
        except Exception as error:  # noqa: BLE001 - the report has it
            self._story.wrong.append(f"{self.thread.name}: {error!r}")
        finally:
            self._http.close()

    def act(self) -> None:
        """Refresh, if the transport does, and use the session."""
        if self._holder.transport != "session":
            token = self._holder.body.get("refresh_token")
            sent = {"json": {"refresh_token": token}} if token else {}
            kept = {"Idempotency-Key": self._key}
            self._holder.take(self._insist("POST", "/refresh", headers=kept, **sent))
            if self._holder.body.get("rotated", True):
                self._key = new_key()
        self._insist("GET", "/verify")
        self._insist("GET", "/me")

    def _insist(self, method: str, path: str, **more: Any) -> httpx.Response:
        began = monotonic()
        while True:
            answer = self._ask(method, path, **more)
            self._story.note(f"{method} {path} {answer.status_code}")
            if answer.status_code in GOOD:
                return answer
            if answer.status_code not in REPEATED or monotonic() - began > PATIENCE_SECONDS:
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            self._story.over.wait(0.2)

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._holder.send(method, path, **more)
        except httpx.TransportError:
            return httpx.Response(502)


@contextmanager
def crowd(url: str, story: Story) -> Iterator[None]:
    clients = [Client(number, url, story) for number in range(CLIENTS)]
    for client in clients:
        client.thread.start()
    for client in clients:
        assert client.is_logged_in.wait(PATIENCE_SECONDS), story.wrong[:3]
    yield
    story.over.set()
    for client in clients:
        client.thread.join(PATIENCE_SECONDS)
        if client.thread.is_alive():
            story.wrong.append(f"{client.thread.name} waits for an answer")


def memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@dataclass
class Killer:
    """Kills the younger worker each minute, and measures the older one meanwhile."""

    workers: Workers
    story: Story
    memory: list[int] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)  # seconds without the second worker

    def run(self, seconds: float) -> None:
        older, ends_at = self.workers.serving[1], monotonic() + seconds
        kill_at = monotonic() + KILL_EVERY_SECONDS
        while monotonic() < ends_at and not self.story.wrong:
            self.story.over.wait(SAMPLE_EVERY_SECONDS)
            self.memory.append(memory_kib(older))
            if monotonic() >= kill_at:
                kill_at += KILL_EVERY_SECONDS
                self._kill(older)

    def _kill(self, older: int) -> None:
        [younger] = [pid for pid in self.workers.serving[1:] if pid != older]
        started = self.workers.log.count("startup complete")
        os.kill(younger, signal.SIGKILL)
        self.gaps.append(
            until(
                lambda: self.workers.log.count("startup complete") > started,
                seconds=PATIENCE_SECONDS,
                every=0.1,
            )
        )


def problems(story: Story, memory: list[int], rows: int) -> Iterator[str]:
    yield from story.wrong
    half = memory[len(memory) // 2]
    if max(memory[len(memory) // 2 :]) > half * GROWTH + GROWTH_KIB:
        yield f"the memory of a worker grew from {half} KiB to {max(memory)} KiB in the last half"
    if rows != CLIENTS:
        yield f"{rows} rows for {CLIENTS} sessions"


def main(minutes: str = "10") -> int:
    story = Story()
    with tempfile.TemporaryDirectory() as folder, Cluster.running() as cluster:
        settings = {"log_format": "json", "refresh_overlap_cookie": 1}
        with Workers(Path(folder), cluster.url, **settings) as workers:
            until(
                lambda: workers.log.count("startup complete") == 2,
                seconds=PATIENCE_SECONDS,
                every=0.1,
            )
            with workers.client() as client:
                assert client.post("/register", json=ADA).status_code == 201
            killer = Killer(workers, story)
            with crowd(workers.base_url, story):
                killer.run(float(minutes) * 60)
            rows = cluster.ask("SELECT count(*) FROM sessions")
    found = list(problems(story, killer.memory, rows))
    for what, number in sorted(story.statuses.items()):
        print(f"{number:>8}  {what}")
    print(f"{len(killer.gaps)} workers killed; back in {max(killer.gaps, default=0):.1f} s at most")
    quarters = [killer.memory[len(killer.memory) * n // 4 - (n == 4)] // 1024 for n in range(5)]
    print(f"the other one's memory at each quarter, MiB: {quarters}")
    print(f"{rows} rows for {CLIENTS} sessions; load {os.getloadavg()[0]:.1f}")
    print("\n".join(found) or "every client is logged in")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
