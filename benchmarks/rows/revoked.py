"""A verified request with many revoked sessions in memory, beside one with none."""

from contextlib import ExitStack

from benchmarks.harness.outcome import Outcome, of_cpu
from benchmarks.harness.processes import BenchmarkError, Server
from benchmarks.harness.rounds import Measure, alternate, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.numbered_sessions import inserted
from benchmarks.ours import authapi, deployment, get, metric
from benchmarks.seed import seeding

TOKENS = 1000
REVOKED = 100_000


def revoked(stage: Stage) -> Outcome:
    """CPU a verified request with 100,000 revoked sessions loaded, of with none."""
    with ExitStack() as stack:
        measured = {
            "many": with_revoked(stack, stage, REVOKED)[1],
            "none": with_revoked(stack, stage, 0)[1],
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_cpu(samples, "many", "none")


def with_revoked(stack: ExitStack, stage: Stage, count: int) -> tuple[Server, Measure]:
    """A server of its own that has so many in memory, asked with 1,000 good tokens in turn."""
    ours = deployment(stage.postgresql.database())
    if count:
        statement = inserted(count, revoked=True)
        stage.postgresql.execute(statement, url=ours.database_url)
    with seeding(ours) as seed:
        pairs = seed.pairs(seed.users(TOKENS), TOKENS)
    server = stack.enter_context(authapi(stage, ours))
    _require(server, count)
    headers = [bearer(pair.access_token) for pair in pairs]
    return server, steady(stage, server, get(stage, server, "/verify", headers))


def _require(server: Server, count: int) -> None:
    loaded = metric(server, "authapi_revoked_sessions")
    if loaded != count:
        raise BenchmarkError(f"{loaded:.0f} revoked sessions are loaded instead of {count}")
