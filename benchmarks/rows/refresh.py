"""`POST /refresh` on PostgreSQL: refresh, refresh-cpu, sessions."""

from collections.abc import Callable, Sequence

from benchmarks.harness.load import CONNECTIONS, Wrk, posting, under_load
from benchmarks.harness.processes import Server
from benchmarks.harness.rounds import (
    Measure,
    Outcome,
    Sample,
    alternate,
    of_cpu,
    of_throughput,
    per_second,
)
from benchmarks.harness.stage import Stage
from benchmarks.ours import authapi, deployment
from benchmarks.rivals import arms
from benchmarks.seed import NOW, Seed
from benchmarks.theirs import USERS, rival

OURS = ("/refresh", "refresh_token")
MANY, FEW = 1_000_000, 1_000
CHAINS = 100  # sessions that a round of `sessions` refreshes in turn, all over the table
SID = "left(md5(CAST(:number AS text)), 22)"
# As exchange() sends it (src/authapi/db/exchanges.py); here the same token fits again and again.
PGBENCH = f"""
\\set number random(1, {USERS})
UPDATE sessions SET
  last_exchanged = {SID},
  exchanged_before = substr(last_exchanged || ' ' || exchanged_before, 1, 161),
  exchanged_at = {NOW},
  exchange_keys = md5(CAST(:number AS text)),
  last_used_at = {NOW},
  expires_at = CASE WHEN ends_at < {NOW} + 604800 THEN ends_at ELSE {NOW} + 604800 END
WHERE sid = {SID} AND transport IN ('bearer', 'bearer')
  AND last_exchanged = {SID} AND revoked_at IS NULL
  AND expires_at > {NOW} AND {NOW} < 1e10 AND {NOW} - exchanged_at >= -1
  AND exchange_keys NOT LIKE '%none%'
RETURNING sid, user_id, transport, scopes, created_at, exchanged_at, expires_at, ends_at,
  tokens_from, {NOW};
"""  # noqa: S608 - nothing in it comes from outside


def refresh(stage: Stage) -> Outcome:
    """`POST /refresh`, requests/s, of simplejwt's rotating refresh."""
    other = rival(stage, arms.SIMPLEJWT)
    # Batches, since a token of simplejwt serves once.
    batches = iter(_batches(other.refresh_tokens, CONNECTIONS))
    measured = {
        "refresh": _ours(stage),
        "simplejwt": in_chains(stage, other.server, lambda: next(batches), other.arm.refresh),
        "pgbench": _pgbench(stage),
    }
    samples = alternate(stage, measured)
    outcome = of_throughput(samples, "refresh", "simplejwt")
    del outcome.besides["pgbench"]  # it has nothing to do with simplejwt
    outcome.besides["of pgbench's updates"] = per_second(samples, "refresh", "pgbench")
    return outcome


def refresh_cpu(stage: Stage) -> Outcome:
    """`POST /refresh`, CPU, of a bare route with one statement and one signature."""
    bare = rival(stage, arms.BARE_FASTAPI_REFRESH)
    path, field = bare.arm.refresh
    bodies = [f'{{"{field}": "{token}"}}' for token in bare.refresh_tokens]
    measured = {"refresh": _ours(stage), bare.arm.name: posting(stage, bare.server, path, bodies)}
    return of_cpu(alternate(stage, measured), "refresh", bare.arm.name)


def sessions(stage: Stage) -> Outcome:
    """`POST /refresh` with 1,000,000 sessions, requests/s, of with 1,000."""
    measured = {"many": with_sessions(stage, MANY), "few": with_sessions(stage, FEW)}
    stage.postgresql.checkpoint()
    return of_throughput(alternate(stage, measured), "many", "few")


def with_sessions(stage: Stage, count: int) -> Measure:
    """Start a server whose table has so many; each round takes others of them."""
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    runs = stage.rounds + 1
    chains = min(CHAINS, count // runs)
    numbers = seed.sessions(count)[:: count // (chains * runs)]
    batches = iter(_batches(seed.refresh_tokens(numbers), chains))
    return in_chains(stage, authapi(stage, ours), lambda: next(batches))


def _ours(stage: Stage) -> Measure:
    """Measure authapi, with new sessions each time: a run ends in the middle of some exchanges."""
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    server = authapi(stage, ours)
    return in_chains(stage, server, lambda: seed.refresh_tokens(seed.sessions(CONNECTIONS)))


def in_chains(
    stage: Stage,
    server: Server,
    tokens: Callable[[], Sequence[str]],
    route: tuple[str, str] = OURS,
) -> Measure:
    """Present each answer's token next, under a new Idempotency-Key."""
    path, field = route

    def load(sent: int) -> Wrk:
        # Keys begin with a number that no earlier run had.
        return Wrk(server.url(path), "refresh.lua", (stage.file_of(tokens()), field, str(sent)))

    return under_load(stage, server, load)


def _pgbench(stage: Stage) -> Measure:
    """Measure the floor: the same UPDATE by pgbench."""
    ours = deployment(stage)
    Seed(ours, USERS).sessions(USERS)
    script, postgresql = stage.file_of([PGBENCH]), stage.postgresql

    def measure(seconds: int) -> Sample:
        core = stage.load_core
        updates = postgresql.pgbench(ours.database_url, script, seconds=seconds, core=core)
        return Sample(updates, float("nan"))  # no server's CPU to count

    return measure


def _batches(tokens: Sequence[str], size: int) -> list[Sequence[str]]:
    return [tokens[first : first + size] for first in range(0, len(tokens), size)]
