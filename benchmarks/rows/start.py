"""From the start of the process to its first answer, and its memory then."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from time import perf_counter

from benchmarks.harness.outcome import Outcome
from benchmarks.harness.proc import resident_mib
from benchmarks.harness.processes import free_port, running, wait_until_it_answers
from benchmarks.harness.rounds import Ratio, ratio
from benchmarks.harness.stage import Stage
from benchmarks.ours import command_of, deployment, environment_of
from benchmarks.rivals import arms
from benchmarks.seed import seeding
from benchmarks.theirs import prepared

PAUSE = 0.002  # seconds between two questions


@dataclass(slots=True)
class Starts:
    """Of one arm, start by start: seconds and MiB."""

    seconds: list[float] = field(default_factory=list)
    resident: list[float] = field(default_factory=list)


def start(stage: Stage) -> Outcome:
    """Seconds to the first answer, of fastapi-users' with the database strategy."""
    ours, theirs = _run(stage)
    figures = {"authapi s": Ratio(tuple(ours.seconds)).median}
    figures["fastapi_users s"] = Ratio(tuple(theirs.seconds)).median
    return Outcome(ratio(ours.seconds, theirs.seconds), figures=figures)


def memory(stage: Stage) -> Outcome:
    """Resident memory after the first answer, of fastapi-users'."""
    ours, theirs = _run(stage)
    figures = {"authapi MiB": Ratio(tuple(ours.resident)).median}
    figures["fastapi_users MiB"] = Ratio(tuple(theirs.resident)).median
    return Outcome(ratio(ours.resident, theirs.resident), figures=figures)


@cache  # two rows read one run
def _run(stage: Stage) -> tuple[Starts, Starts]:
    """Both in turn; the first of each, which fills the disk's cache, doesn't count."""
    ours, theirs = Starts(), Starts()
    one, other = _ours(stage), _theirs(stage)
    one(Starts())
    other(Starts())
    for _ in range(stage.rounds):
        one(ours)
        other(theirs)
    return ours, theirs


def _ours(stage: Stage) -> Callable[[Starts], None]:
    """On a migrated database with its signing key, as at every start but the first."""
    deployed = deployment(stage.postgresql.database())
    with seeding(deployed):
        pass
    environment = environment_of(deployed)

    def begin(starts: Starts) -> None:
        with running(
            command_of(deployed),
            core=stage.cores.server,
            environment=environment,
            folder=stage.folder,  # away from a developer's .env
        ) as process:
            _note(starts, process, "authapi", deployed.port, "/healthz")

    return begin


def _theirs(stage: Stage) -> Callable[[Starts], None]:
    arm = arms.FASTAPI_USERS_DATABASE
    environment = prepared(stage, arm)

    def begin(starts: Starts) -> None:
        port, core = free_port(), stage.cores.server
        with running(arm.start(port), core=core, environment=environment) as process:
            _note(starts, process, arm.name, port, arm.ready)

    return begin


def _note(
    starts: Starts, process: "subprocess.Popen[bytes]", name: str, port: int, path: str
) -> None:
    """When it answers and how large it is then; it was started a moment ago."""
    began = perf_counter()
    wait_until_it_answers(process, name, port, path, pause=PAUSE)
    starts.seconds.append(perf_counter() - began)
    starts.resident.append(resident_mib(process.pid))
