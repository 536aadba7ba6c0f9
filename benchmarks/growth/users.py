"""How cost grows with the number of users."""

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.growth.drawing import curves
from benchmarks.growth.section import Section
from benchmarks.growth.sizes import at_each_size, costs, time_of
from benchmarks.harness.rounds import Measure, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import authapi, deployment, get
from benchmarks.rows.login import logins
from benchmarks.seed import seeding

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PRESENT = 1000  # of them, at the end of the table, ask
CONNECTIONS = 16
# The cheapest hash that is allowed: a log-in's statements would vanish beside the default.
CHEAP = {"hash_memory_kib": 1024, "hash_time_cost": 1}
HEAD = (
    "users",
    "`GET /me`, of the time with 1,000",
    "`POST /login`, cheapest hash, likewise",
)


def users(stage: Stage) -> Section:
    """Time a request, of the time with 1,000 users."""
    samples = at_each_size(stage, SIZES, _put)
    me = costs(samples, "me", SIZES, time_of)
    login = costs(samples, "login", SIZES, time_of)
    lines = [
        (f"{size:,}", str(one), str(other))
        for (size, one), (_, other) in zip(me, login, strict=True)
    ]
    names = {"GET /me": me, "POST /login, cheapest hash": login}
    drawing = curves("Time a request, of the time with 1,000 users", "users", names)
    return Section("users", "Users", HEAD, lines, drawing)


def _put(stack: ExitStack, stage: Stage, size: int) -> Mapping[str, Measure]:
    ours = deployment(stage.postgresql.database(), **CHEAP)
    stage.postgresql.execute(_inserted(size - PRESENT), url=ours.database_url)
    with seeding(ours) as seed:
        pairs = seed.pairs(seed.users(PRESENT), PRESENT)
    stage.postgresql.execute("VACUUM ANALYZE users", url=ours.database_url)
    server = stack.enter_context(authapi(stage, ours))
    headers = [bearer(pair.access_token) for pair in pairs]
    return {
        "me": steady(stage, server, get(stage, server, "/me", headers)),
        "login": steady(stage, server, logins(stage, server, CONNECTIONS)),
    }


def _inserted(count: int) -> str:
    return f"""
INSERT INTO users (id, email, email_canonical, password_hash, scopes, created_at)
SELECT left(md5(name), 22), name, name, '-', '', 0
FROM (SELECT 'absent-' || number || '@example.com' AS name
  FROM generate_series(1, {count}) AS number) AS named
"""  # noqa: S608 - nothing in it comes from outside
