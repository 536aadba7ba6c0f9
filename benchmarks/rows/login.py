"""`POST /login`: its CPU beside the hash's, and what a flood of log-ins does to the rest."""

import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection
from itertools import chain, cycle
from statistics import quantiles
from time import monotonic

from benchmarks.harness.load import posts
from benchmarks.harness.processes import BenchmarkError, Server, on_core, output_of
from benchmarks.harness.rounds import Measure, Outcome, Ratio, Sample, alternate, of_cpu, ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import authapi, deployment
from benchmarks.seed import PASSWORD, Seed, email

USERS = 100
BODIES = [json.dumps({"email": email(number), "password": PASSWORD}) for number in range(USERS)]
PACED_REQUESTS = 1000  # a round, one each 5 ms; the p99 is that of at least 2,000
LEAST_ROUNDS, MOST_ROUNDS = 2, 3
FLOOD_SECONDS = 60  # at most
FLOOD_NICENESS = 10  # the flood's clients give way to the one that measures
BASE_MIB = 30


def login_cpu(stage: Stage) -> Outcome:
    """`POST /login`, CPU, of the argon2id hash alone."""
    ours = deployment(stage)
    Seed(ours, USERS)
    server = authapi(stage, ours)
    make_known(server)
    measured = {"login": one_by_one(stage, server), "argon2id": hash_alone(stage)}
    return of_cpu(alternate(stage, measured), "login", "argon2id")


def make_known(server: Server) -> None:
    """Log each user in once: a first log-in is from a new device, and posts a mail."""
    with closing(HTTPConnection("127.0.0.1", server.port)) as client:
        for body in BODIES:
            client.request("POST", "/login", body, {"Content-Type": "application/json"})
            client.getresponse().read()


def one_by_one(stage: Stage, server: Server) -> Measure:
    """Measure log-ins one after the other. wrk would leave some unanswered, and each costs much."""
    bodies = cycle(BODIES)

    def measure(seconds: int) -> Sample:
        count, began, before = 0, monotonic(), server.cpu_seconds()
        with on_core(stage.load_core), closing(HTTPConnection("127.0.0.1", server.port)) as client:
            while monotonic() < began + seconds:
                client.request("POST", "/login", next(bodies), {"Content-Type": "application/json"})
                answer = client.getresponse()
                answer.read()
                if answer.status != 200:
                    raise BenchmarkError(f"a log-in was refused: {answer.status}")
                count += 1
        cpu = server.cpu_seconds() - before
        return Sample(count / (monotonic() - began), cpu / count)

    return measure


def hash_alone(stage: Stage, *parameters: int) -> Measure:
    """Measure the hash in a process of its own, with memory in KiB and passes, or the defaults."""

    def measure(seconds: int) -> Sample:
        words = [str(number) for number in (seconds, *parameters)]
        program = [sys.executable, "-m", "benchmarks.apps.hash_loop", *words]
        cpu = float(output_of(program, core=stage.server_core))
        return Sample(1 / cpu, cpu)

    return measure


@dataclass(slots=True)
class Run:
    """Latencies of each round, and MiB of the server before, after and at its peak."""

    idle: list[list[float]] = field(default_factory=list)
    flooded: list[list[float]] = field(default_factory=list)
    before: float = 0.0
    after: float = 0.0
    peak: float = 0.0
    allowed: float = 0.0


def flood(stage: Stage) -> Outcome:
    """p99 of `/verify` while 16 clients log in, of its p99 without them."""
    run = _run(stage)
    rounds = ratio([p99(one) for one in run.flooded], [p99(one) for one in run.idle])
    # A round has few requests for a p99: the figure is that of all rounds together.
    idle, flooded = p99([*chain(*run.idle)]), p99([*chain(*run.flooded)])
    figures = {"idle p99 ms": idle * 1e3, "flooded p99 ms": flooded * 1e3}
    return Outcome(Ratio(rounds.values, flooded / idle), figures=figures)


def flood_memory(stage: Stage) -> Outcome:
    """Memory grown by that flood, of hash concurrency x hash memory + 30 MiB."""
    run = _run(stage)
    grown, peak = run.after - run.before, run.peak - run.before
    figures = {"MiB before": run.before, "MiB grown": grown, "MiB allowed": run.allowed}
    at_the_peak = {"at its peak": Ratio((peak / run.allowed,))}
    return Outcome(Ratio((grown / run.allowed,)), at_the_peak, figures)


def p99(latencies: list[float]) -> float:
    return quantiles(latencies, n=100)[98]


@cache  # two rows read one run
def _run(stage: Stage) -> Run:
    ours = deployment(stage)
    (header,) = Seed(ours, USERS).bearers(1)
    # A pinned server may use one core, and so hashes one password at a time (config.cores).
    run = Run(allowed=1 * ours.settings.hash_memory_kib / 1024 + BASE_MIB)
    server = authapi(stage, ours)
    make_known(server)
    _latencies(stage, server, header)  # a warm-up
    run.before = server.resident_mib()
    for _ in range(max(LEAST_ROUNDS, min(MOST_ROUNDS, stage.rounds))):
        run.idle.append(_latencies(stage, server, header))
        with _flooding(stage, server):
            run.flooded.append(_latencies(stage, server, header))
    run.after, run.peak = server.resident_mib(), server.peak_resident_mib()
    return run


@contextmanager
def _flooding(stage: Stage, server: Server) -> Iterator[None]:
    """Let 16 clients log in until the end of the block."""
    load = posts(stage, server, "/login", BODIES, FLOOD_NICENESS)
    process = load.start(FLOOD_SECONDS, stage.load_core)
    try:
        yield
        load.stop(process)
    finally:
        process.kill()
        process.wait()


def _latencies(stage: Stage, server: Server, header: str) -> list[float]:
    words = [sys.executable, "-m", "benchmarks.apps.paced", str(server.port), str(PACED_REQUESTS)]
    latencies: list[float] = json.loads(output_of(words, core=stage.load_core, text=header))
    return latencies
