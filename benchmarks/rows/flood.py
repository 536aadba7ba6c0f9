"""What a flood of log-ins does to requests that only verify, and to memory."""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from statistics import quantiles

from benchmarks.harness.cores import on_core
from benchmarks.harness.outcome import Outcome
from benchmarks.harness.proc import peak_resident_mib, resident_mib
from benchmarks.harness.processes import ROOT, BenchmarkError, Server
from benchmarks.harness.rounds import Ratio, ratio
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import Ours, authapi, deployment
from benchmarks.rows.login import USERS, logins
from benchmarks.seed import seeding

CLIENTS = 16
REQUESTS = 1000  # a round, one each 5 ms; the p99 is that of at least 2,000
LEAST_ROUNDS = 2
ROUNDS = 3
LONGEST = 60  # seconds of flood
NICE = 10  # the flood's clients give way to the one that measures
BASE_MIB = 30


@dataclass(slots=True)
class Run:
    """Latencies of each round, and MiB of the server before and after."""

    idle: list[list[float]] = field(default_factory=list)
    flooded: list[list[float]] = field(default_factory=list)
    resident_before: float = 0.0
    resident_after: float = 0.0
    peak: float = 0.0
    allowed: float = 0.0


def flood(stage: Stage) -> Outcome:
    """p99 of a verified request during the flood, of its p99 without."""
    run = _run(stage)
    rounds = ratio([p99(one) for one in run.flooded], [p99(one) for one in run.idle])
    # A round's requests are few for a p99: it is that of all rounds', beside the single ones'.
    idle, flooded = p99([*chain(*run.idle)]), p99([*chain(*run.flooded)])
    figures = {"idle p99 ms": idle * 1e3, "flooded p99 ms": flooded * 1e3}
    return Outcome(Ratio(rounds.values, flooded / idle), figures=figures)


def flood_memory(stage: Stage) -> Outcome:
    """Growth of resident memory by the flood, of hash concurrency x hash memory + 30 MiB."""
    run = _run(stage)
    grown, peak = run.resident_after - run.resident_before, run.peak - run.resident_before
    figures = {"MiB before": run.resident_before, "MiB grown": grown, "MiB allowed": run.allowed}
    at_the_peak = {"at its peak": Ratio((peak / run.allowed,))}
    return Outcome(Ratio((grown / run.allowed,)), at_the_peak, figures)


def p99(latencies: list[float]) -> float:
    return quantiles(latencies, n=100)[98]


@cache  # two rows read one run
def _run(stage: Stage) -> Run:
    ours = deployment(stage.postgresql.database())
    with seeding(ours) as seed:
        (pair,) = seed.pairs(seed.users(USERS), 1)
    run = Run(allowed=_allowed(ours))
    with authapi(stage, ours) as server:
        _latencies(stage, server, pair.access_token)  # a warm-up
        run.resident_before = resident_mib(server.pid)
        for _ in range(max(LEAST_ROUNDS, min(ROUNDS, stage.rounds))):
            run.idle.append(_latencies(stage, server, pair.access_token))
            run.flooded.append(_flooded(stage, server, pair.access_token))
        run.resident_after = resident_mib(server.pid)
        run.peak = peak_resident_mib(server.pid)
    return run


def _allowed(ours: Ours) -> float:
    # A pinned server may use one core, and so hashes one password at a time (config.cores).
    concurrency = 1
    return concurrency * ours.settings.hash_memory_kib / 1024 + BASE_MIB


def _flooded(stage: Stage, server: Server, token: str) -> list[float]:
    load = logins(stage, server, CLIENTS, NICE)
    process = load.start(LONGEST, stage.cores.load)
    try:
        latencies = _latencies(stage, server, token)
        load.stop(process)
    finally:
        process.kill()
        process.wait()
    return latencies


def _latencies(stage: Stage, server: Server, token: str) -> list[float]:
    command = [sys.executable, "-m", "benchmarks.apps.paced", str(server.port), str(REQUESTS)]
    with on_core(stage.cores.load):
        done = subprocess.run(  # noqa: S603 - our own command
            command,
            cwd=ROOT,
            input=f"{bearer(token)}\n",
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
    if done.returncode:
        raise BenchmarkError(f"the paced client failed: {done.stderr[-500:]}")
    latencies: list[float] = json.loads(done.stdout)
    return latencies
