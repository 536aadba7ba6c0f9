"""How soon after a log-out the services that follow refuse the session."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from itertools import chain
from statistics import quantiles
from time import monotonic, sleep

from benchmarks.growth.section import Section
from benchmarks.harness.load import bearer
from benchmarks.harness.processes import ROOT, BenchmarkError, Server, on_core
from benchmarks.harness.stage import Stage
from benchmarks.ours import Ours, authapi, deployment
from benchmarks.seed import Seed

SERVICES = (1, 10, 50)
IN_ONE_PROCESS = 10
AN_HOUR = 100_000  # revocations
LOG_OUTS = 1_000  # of each arm: each is one of that hour's
WAIT_SECONDS = 200


def logout(stage: Stage) -> Section:
    """Log sessions out, 28 a second, and tell when 1, 10 and 50 following services refuse them."""
    lines = []
    for count in SERVICES:
        latencies = _latencies(stage, count)
        cut = quantiles(latencies, n=1000)
        ms = [f"{cut[part] * 1e3:.1f}" for part in (499, 989, 998)]
        lines.append((str(count), f"{len(latencies):,}", *ms, f"{max(latencies) * 1e3:.1f}"))
    load, _, _ = os.getloadavg()
    title = f"From the 204 of a log-out to the refusal, with {AN_HOUR:,} an hour; load {load:.0f}"
    head = ("services", "refusals", "p50, ms", "p99, ms", "p99.9, ms", "most, ms")
    return Section(title, head, lines)


def _latencies(stage: Stage, count: int) -> list[float]:
    ours = deployment(stage)
    seed = Seed(ours, LOG_OUTS)
    server = authapi(stage, ours)
    tokens = [seed.access_token(number) for number in seed.sessions(LOG_OUTS)]
    file = stage.file_of(tokens)
    with ExitStack() as started:
        processes = [
            started.enter_context(_following(stage, ours, (first, count), file))
            for first in range(1, count + 1, IN_ONE_PROCESS)
        ]
        for process in processes:
            assert process.stdout
            if process.stdout.readline() != "ready\n":
                raise BenchmarkError("a service accepts no token")
        answered = _log_out(stage, server, tokens)
        refused = [json.loads(one.communicate(timeout=WAIT_SECONDS)[0]) for one in processes]
    # A service may know before the client has its answer.
    return [
        max(0.0, moment - at)
        for moments in chain(*refused)
        for moment, at in zip(moments, answered, strict=True)
    ]


def _log_out(stage: Stage, server: Server, tokens: Sequence[str]) -> list[float]:
    """Log out at the pace, and return when each 204 came."""
    moments, begin = [], monotonic()
    with on_core(stage.load_core), closing(HTTPConnection("127.0.0.1", server.port)) as client:
        for number, token in enumerate(tokens):
            sleep(max(0.0, begin + number * 3600 / AN_HOUR - monotonic()))
            name, _, value = bearer(token).partition(": ")
            client.request("POST", "/logout", headers={name: value})
            answer = client.getresponse()
            answer.read()
            moments.append(monotonic())
            if answer.status != 204:
                raise BenchmarkError(f"a log-out was refused: {answer.status}")
    return moments


@contextmanager
def _following(
    stage: Stage, ours: Ours, numbers: tuple[int, int], file: str
) -> "Iterator[subprocess.Popen[str]]":
    first, last = numbers
    count = min(IN_ONE_PROCESS, last + 1 - first)
    words = [sys.executable, "-m", "benchmarks.apps.followers"]
    words += [f"http://127.0.0.1:{ours.port}", str(first), str(count), file]
    with on_core(stage.load_core):
        process = subprocess.Popen(  # noqa: S603 - our own command
            words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
