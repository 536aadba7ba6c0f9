"""`POST /refresh` on PostgreSQL: throughput, and the CPU of the server."""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from benchmarks.harness.outcome import Outcome, of_cpu, of_throughput
from benchmarks.harness.processes import Server
from benchmarks.harness.rounds import Measure, alternate, per_second, steady, under_load
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk
from benchmarks.ours import authapi, deployment
from benchmarks.rivals import arms
from benchmarks.rows.floor import floor
from benchmarks.seed import Seed, seeding
from benchmarks.theirs import USERS, Rival, rival

CONNECTIONS = 16


def refresh(stage: Stage) -> Outcome:
    """Requests a second, of simplejwt's rotating refresh; pgbench's updates are beside."""
    ours = deployment(stage.postgresql.database())
    with ExitStack() as stack, seeding(ours) as seed:
        user_ids = seed.users(USERS)
        server = stack.enter_context(authapi(stage, ours))
        other = stack.enter_context(rival(stage, arms.SIMPLEJWT))
        measured = {
            "refresh": in_chains(stage, server, "/refresh", fresh_tokens(seed, user_ids)),
            "simplejwt": _rotating(stage, other),
            "pgbench": floor(stage, CONNECTIONS),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    outcome = of_throughput(samples, "refresh", "simplejwt")
    del outcome.besides["pgbench"]  # it has nothing to do with simplejwt
    outcome.besides["of pgbench's updates"] = per_second(samples, "refresh", "pgbench")
    return outcome


def refresh_cpu(stage: Stage) -> Outcome:
    """CPU a request, of a FastAPI route with one Core statement and one signature."""
    ours = deployment(stage.postgresql.database())
    with ExitStack() as stack, seeding(ours) as seed:
        user_ids = seed.users(USERS)
        server = stack.enter_context(authapi(stage, ours))
        bare = stack.enter_context(rival(stage, arms.BARE_FASTAPI_REFRESH))
        measured = {
            "refresh": in_chains(stage, server, "/refresh", fresh_tokens(seed, user_ids)),
            "bare_fastapi_refresh": _again_and_again(stage, bare),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_cpu(samples, "refresh", "bare_fastapi_refresh")


def fresh_tokens(
    seed: Seed, user_ids: list[str], chains: int = CONNECTIONS
) -> Callable[[], list[str]]:
    """Of new sessions each time: a run ends in the middle of some exchanges."""
    return lambda: [pair.refresh_token for pair in seed.pairs(user_ids, chains)]


def in_chains(
    stage: Stage,
    server: Server,
    path: str,
    tokens: Callable[[], list[str]],
    field: str = "refresh_token",
) -> Measure:
    """Each answer's token is presented next, under a new Idempotency-Key."""
    rounds = count()

    def load() -> Wrk:
        arguments = (stage.file_of(tokens()), field, str(next(rounds)))
        return Wrk(server.url(path), "refresh.lua", arguments, CONNECTIONS)

    return under_load(stage, server, load)


def _rotating(stage: Stage, other: Rival) -> Measure:
    wanted = other.arm.refresh
    assert wanted is not None
    assert wanted.rotates
    # All at once: to ask for some takes a process of its own, as long as a round.
    tokens = iter(other.refresh_tokens((stage.rounds + 1) * CONNECTIONS))

    def next_ones() -> list[str]:
        return [next(tokens) for _ in range(CONNECTIONS)]

    return in_chains(stage, other.server, wanted.path, next_ones, wanted.field)


def _again_and_again(stage: Stage, other: Rival) -> Measure:
    wanted = other.arm.refresh
    assert wanted is not None
    assert not wanted.rotates
    bodies = [f'{{"{wanted.field}": "{token}"}}' for token in other.refresh_tokens(USERS)]
    arguments = (stage.file_of(bodies), "body", "0", "again")
    json = ("Content-Type: application/json",)
    load = Wrk(other.server.url(wanted.path), "in_turn.lua", arguments, CONNECTIONS, json)
    return steady(stage, other.server, load)
