"""`POST /refresh` in a table of a million sessions, beside one of a thousand."""

from collections.abc import Callable
from contextlib import ExitStack

from authapi import clock
from authapi.db.sessions import as_locked, find
from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.rounds import Measure, alternate
from benchmarks.harness.stage import Stage
from benchmarks.numbered_sessions import inserted, sid_of
from benchmarks.ours import authapi, deployment
from benchmarks.rows.refresh import in_chains
from benchmarks.seed import Seed, seeding

USERS = 1000
MANY, FEW = 1_000_000, 1_000
CHAINS = 100  # sessions that a round refreshes in turn, all over the table


def sessions(stage: Stage) -> Outcome:
    """Refreshes a second with 1,000,000 sessions, of with 1,000."""
    with ExitStack() as stack:
        measured = {
            "many": with_sessions(stack, stage, MANY),
            "few": with_sessions(stack, stage, FEW),
        }
        stage.postgresql.checkpoint()
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_throughput(samples, "many", "few")


def with_sessions(stack: ExitStack, stage: Stage, count: int) -> Measure:
    """A server of its own whose table has so many; each round takes others of them."""
    ours = deployment(stage.postgresql.database())
    with seeding(ours) as seed:
        seed.users(USERS)
    statement = inserted(count)
    stage.postgresql.execute(statement, url=ours.database_url)
    stage.postgresql.execute("VACUUM ANALYZE sessions", url=ours.database_url)
    seed = stack.enter_context(seeding(ours))
    server = stack.enter_context(authapi(stage, ours))
    return in_chains(stage, server, "/refresh", _tokens(seed, count, stage.rounds + 1))


def _tokens(seed: Seed, count: int, runs: int) -> Callable[[], list[str]]:
    chains = min(CHAINS, count // runs)
    step = count // (chains * runs)
    numbers = iter(range(step, count + 1, step))

    def next_ones() -> list[str]:
        return [_token(seed, next(numbers)) for _ in range(chains)]

    return next_ones


def _token(seed: Seed, number: int) -> str:
    with seed.db.autocommit() as tx:
        row = find(tx, sid_of(number))
        assert row is not None
        return seed.pair(as_locked(row, clock.now())).refresh_token
