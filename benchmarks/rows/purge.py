"""What a purge of many ended sessions does to `POST /refresh`: purge, purge-batch."""

import json
import subprocess
import sys
from functools import cache
from statistics import median

from benchmarks.harness.load import CONNECTIONS
from benchmarks.harness.processes import ROOT, BenchmarkError, on_core
from benchmarks.harness.rounds import Measure, Outcome, Ratio, Sample, alternate, of_throughput
from benchmarks.harness.stage import Stage
from benchmarks.ours import Ours, authapi, deployment
from benchmarks.rows.refresh import MANY, in_chains
from benchmarks.seed import Seed
from benchmarks.theirs import USERS


def throughput(stage: Stage) -> Outcome:
    """`POST /refresh` while 1,000,000 ended sessions are purged, requests/s, of without."""
    return _measured(stage)[0]


def batch(stage: Stage) -> Outcome:
    """How long the longest transaction of a purge holds its locks, in ms, in a round."""
    return _measured(stage)[1]


@cache
def _measured(stage: Stage) -> tuple[Outcome, Outcome]:
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    seed.sessions(MANY, ended=True)
    server = authapi(stage, ours)
    refresh = in_chains(stage, server, lambda: seed.refresh_tokens(seed.sessions(CONNECTIONS)))
    stage.postgresql.checkpoint()
    batches: list[list[float]] = []
    measured = {"purging": _purging(stage, ours, refresh, batches), "quiet": refresh}
    outcome = of_throughput(alternate(stage, measured), "purging", "quiet")
    times = sorted(1e3 * seconds for each in batches for seconds in each)
    figures = {
        "median ms": median(times),
        "99 % ms": times[len(times) * 99 // 100],
        "batches": float(len(times)),
    }
    longest = tuple(1e3 * max(each) for each in batches)
    return outcome, Outcome(Ratio(longest), figures=figures)


def _purging(stage: Stage, ours: Ours, refresh: Measure, batches: list[list[float]]) -> Measure:
    """Measure while a purge runs beside the server, on its core as its own thread would."""
    words = [sys.executable, "-m", "benchmarks.apps.purging", ours.values["database_url"]]

    def measure(seconds: int) -> Sample:
        with on_core(stage.server_core):
            purge = subprocess.Popen(  # noqa: S603 - our own command
                words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        with purge:
            assert purge.stdout is not None
            if purge.stdout.readline() != "begun\n":
                raise BenchmarkError("the purge did not begin")
            sample = refresh(seconds)
            told, _ = purge.communicate()
        found = json.loads(told)
        if found["is_done"]:
            raise BenchmarkError("the purge had nothing left to do: fewer or shorter rounds")
        batches.append(found["seconds"])
        return sample

    return measure
