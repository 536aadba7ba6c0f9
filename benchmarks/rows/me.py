"""`GET /me`, which reads the profile from PostgreSQL."""

from contextlib import ExitStack

from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.rounds import alternate, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import authapi, deployment, get
from benchmarks.rivals import arms
from benchmarks.rows.claims import of_rival
from benchmarks.seed import seeding
from benchmarks.theirs import USERS

TOKENS = 1000
ROUNDS = 3  # each takes four arms


def me(stage: Stage) -> Outcome:
    """Requests a second, of fastapi-users' `GET /users/me` with its JWT strategy."""
    ours = deployment(stage.postgresql.database())
    with seeding(ours) as seed:
        headers = [bearer(pair.access_token) for pair in seed.pairs(seed.users(USERS), TOKENS)]
    with ExitStack() as stack:
        server = stack.enter_context(authapi(stage, ours))
        measured = {"me": steady(stage, server, get(stage, server, "/me", headers))}
        for arm in (arms.FASTAPI_USERS_JWT, arms.FASTAPI_USERS_DATABASE, arms.SIMPLEJWT):
            measured[arm.name] = of_rival(stack, stage, arm, [], {})
        samples = alternate(measured, min(stage.rounds, ROUNDS), stage.seconds)
    return of_throughput(samples, "me", "fastapi_users_jwt")
