"""How cost grows with the sessions that were revoked within the last hour."""

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.growth.drawing import curves
from benchmarks.growth.section import Section
from benchmarks.growth.sizes import at_each_size, costs, cpu_of
from benchmarks.harness.proc import resident_mib
from benchmarks.harness.rounds import Measure
from benchmarks.harness.stage import Stage
from benchmarks.rows.revoked import with_revoked

SIZES = (100, 1_000, 10_000, 100_000)
HEAD = ("revoked sessions", "CPU of a verified request, of that with 100", "memory over 100's, MiB")


def revoked(stage: Stage) -> Section:
    """CPU a request to `/verify`, of that with 100 revoked sessions, and memory."""
    resident = {}

    def put(stack: ExitStack, stage: Stage, size: int) -> Mapping[str, Measure]:
        server, measure = with_revoked(stack, stage, size)
        resident[size] = resident_mib(server.pid)
        return {"verify": measure}

    cpu = costs(at_each_size(stage, SIZES, put), "verify", SIZES, cpu_of)
    lines = [
        (f"{size:,}", str(one), f"{max(0, resident[size] - resident[SIZES[0]]):.0f}")
        for size, one in cpu
    ]
    title = "CPU of a verified request, of that with 100 revoked sessions"
    drawing = curves(title, "revoked sessions", {"GET /verify": cpu})
    return Section("revoked", "Revoked sessions", HEAD, lines, drawing)
