"""From the start of the process to its first answer, and its memory then: start, memory."""

from functools import cache
from time import perf_counter

from benchmarks.harness.processes import Program, serving
from benchmarks.harness.rounds import Outcome, Ratio, ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import deployment, program
from benchmarks.rivals.arms import FASTAPI_USERS_DATABASE
from benchmarks.seed import Seed
from benchmarks.theirs import program_of

POLL_PAUSE_SECONDS = 0.002

Starts = list[tuple[float, float]]  # seconds to the first answer, and MiB then


def start(stage: Stage) -> Outcome:
    """Start to the first answer, of fastapi-users' with its database strategy."""
    return _outcome(stage, 0, "s")


def memory(stage: Stage) -> Outcome:
    """Resident memory after the first answer, of fastapi-users' likewise."""
    return _outcome(stage, 1, "MiB")


def _outcome(stage: Stage, column: int, unit: str) -> Outcome:
    ours, theirs = ([one[column] for one in starts] for starts in _run(stage))
    figures = {f"authapi {unit}": Ratio(tuple(ours)).median}
    figures[f"fastapi_users {unit}"] = Ratio(tuple(theirs)).median
    return Outcome(ratio(ours, theirs), figures=figures)


@cache  # two rows read one run
def _run(stage: Stage) -> tuple[Starts, Starts]:
    """Start both in turn; the first start of each, which fills the disk's cache, doesn't count."""
    deployed = deployment(stage)
    Seed(deployed, 1)  # with its signing key, as at every start but the first
    ours, theirs = program(stage, deployed, "/healthz"), program_of(stage, FASTAPI_USERS_DATABASE)
    pairs = [(_start(stage, ours), _start(stage, theirs)) for _ in range(stage.rounds + 1)]
    return [one for one, _ in pairs[1:]], [other for _, other in pairs[1:]]


def _start(stage: Stage, server: Program) -> tuple[float, float]:
    began = perf_counter()
    with serving(server, stage.server_core, POLL_PAUSE_SECONDS) as started:
        return perf_counter() - began, started.resident_mib()
