"""What a flood of hostile requests does to `/verify`, and to the server's memory (issue 11)."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from statistics import median

from authapi.config import Settings
from benchmarks.harness.processes import ROOT, BenchmarkError, Server, on_core, output_of
from benchmarks.harness.rounds import Outcome, Ratio, ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import NO_LIMITS, authapi, deployment
from benchmarks.seed import Seed

# The row of the issue that found it, and what the flood's 16 clients do.
KINDS = {
    "targets": "2: GET of 64 KB that look like tokens",
    "paths": "2: GET of 8,000 bytes that look like tokens",
    "heads": "3: heads of 58 KB and 1,000 fields",
    "endless-heads": "3: headers of up to 80 MB",
    "connections": "4: 1,120 connections that stay silent",
    "waiters": "4: GET /revocations?wait=30",
    "names": "5: log-ins with unknown names, from one address",
    "accounts": "5: one password at 1,000 accounts, from one address",
    "sessions": "6: GET /sessions by a user with 30,000 sessions",
}
USERS = 1000
SESSIONS = 30_000
PACED_REQUESTS = 200  # a round
INTERVAL = 0.025  # seconds: most answers come before the next request is due
LEAST_ROUNDS, MOST_ROUNDS = 2, 3
FLOOD_NICENESS = 10  # the flood's clients give way to the one that measures
ANSWERED_SECONDS = 1.0  # the flood has begun, before the first paced request

# As they are by default: these floods are what limits are for.
LIMITS = {name: str(Settings.model_fields[name].default) for name in NO_LIMITS}


@dataclass(slots=True)
class Run:
    """Latencies of each round, MiB of the server, and the flood's answers by status."""

    idle: list[list[float]] = field(default_factory=list)
    flooded: list[list[float]] = field(default_factory=list)
    before: float = 0.0
    peak: float = 0.0
    after: float = 0.0
    seconds: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)


def latency_of(kind: str) -> Callable[[Stage], Outcome]:
    def measure(stage: Stage) -> Outcome:
        run = _run(stage, kind)
        rounds = ratio([median(one) for one in run.flooded], [median(one) for one in run.idle])
        idle, flooded = median(chain(*run.idle)), median(chain(*run.flooded))
        figures = {"idle ms": idle * 1e3, "flooded ms": flooded * 1e3}
        told = ", ".join(f"{number} x {status}" for status, number in sorted(run.answers.items()))
        return Outcome(Ratio(rounds.values, flooded / idle), {}, figures, (f"the flood: {told}",))

    measure.__doc__ = f"Median of `/verify` in a flood of row {KINDS[kind]}, of its idle median."
    return measure


def memory_of(kind: str) -> Callable[[Stage], Outcome]:
    def measure(stage: Stage) -> Outcome:
        run = _run(stage, kind)
        figures = {"MiB before": run.before, "MiB after": run.after, "MiB at the peak": run.peak}
        return Outcome(Ratio((run.peak - run.before,)), figures=figures)

    measure.__doc__ = f"MiB that the server grows by at its peak, in the flood `{kind}`."
    return measure


@cache  # two rows read one run
def _run(stage: Stage, kind: str) -> Run:
    ours = deployment(stage, **LIMITS)
    seed = Seed(ours, USERS if kind != "sessions" else 1)
    (header,) = seed.bearers(1)
    if kind == "sessions":
        seed.sessions(SESSIONS)
    server, run = authapi(stage, ours), Run()
    _latencies(stage, server, header)  # a warm-up
    server.forget_peak()
    run.before = server.resident_mib()
    for _ in range(max(LEAST_ROUNDS, min(MOST_ROUNDS, stage.rounds))):
        run.idle.append(_latencies(stage, server, header))
        with _flooding(stage, server, kind, header) as answers:
            output_of(["sleep", str(ANSWERED_SECONDS)], core=stage.load_core)
            run.flooded.append(_latencies(stage, server, header))
        for status, number in answers.items():
            run.answers[status] = run.answers.get(status, 0) + number
    run.after, run.peak = server.resident_mib(), server.peak_resident_mib()
    return run


@contextmanager
def _flooding(stage: Stage, server: Server, kind: str, header: str) -> Iterator[dict[str, int]]:
    """Let 16 clients attack until the end of the block; then the answers are there."""
    words = ["nice", "-n", str(FLOOD_NICENESS), sys.executable, "-m", "benchmarks.apps.attack"]
    words += [kind, str(server.port), header]
    answers: dict[str, int] = {}
    with on_core(stage.load_core):
        process = subprocess.Popen(  # noqa: S603 - our own command
            words, cwd=ROOT, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True
        )
    try:
        yield answers
        if process.poll() is not None:
            raise BenchmarkError("the flood ended by itself")
        process.send_signal(signal.SIGTERM)
        answers |= json.loads(process.communicate(timeout=30)[0])
    finally:
        process.kill()
        process.wait()
    if not answers:
        raise BenchmarkError("the flood got no answer")


def _latencies(stage: Stage, server: Server, header: str) -> list[float]:
    words = [sys.executable, "-m", "benchmarks.apps.paced", str(server.port)]
    words += [str(PACED_REQUESTS), str(INTERVAL)]
    latencies: list[float] = json.loads(output_of(words, core=stage.load_core, text=header))
    return latencies
