"""How cost grows with the number of sessions in the table."""

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.growth.drawing import curves
from benchmarks.growth.section import Section
from benchmarks.growth.sizes import at_each_size, costs, cpu_of, time_of
from benchmarks.harness.rounds import Measure
from benchmarks.harness.stage import Stage
from benchmarks.rows.sessions import with_sessions

SIZES = (1_000, 10_000, 100_000, 1_000_000)
HEAD = ("sessions", "`POST /refresh`, of the time with 1,000", "CPU of the server, likewise")


def sessions(stage: Stage) -> Section:
    """Time and CPU a refresh, of those with 1,000 sessions."""
    samples = at_each_size(stage, SIZES, _put)
    time, cpu = (costs(samples, "refresh", SIZES, cost) for cost in (time_of, cpu_of))
    lines = [
        (f"{size:,}", str(one), str(other))
        for (size, one), (_, other) in zip(time, cpu, strict=True)
    ]
    names = {"time a refresh": time, "CPU of the server": cpu}
    drawing = curves("POST /refresh, of its cost with 1,000 sessions", "sessions", names)
    return Section("sessions", "Sessions", HEAD, lines, drawing)


def _put(stack: ExitStack, stage: Stage, size: int) -> Mapping[str, Measure]:
    return {"refresh": with_sessions(stack, stage, size)}
