"""`/verify`, which a reverse proxy asks about each request."""

from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.rounds import alternate, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import authapi, deployment, get
from benchmarks.rivals import arms
from benchmarks.seed import seeding
from benchmarks.theirs import USERS, rival

TOKENS = 1000


def verify(stage: Stage) -> Outcome:
    """Requests a second with Bearer tokens, of `bare_fastapi`'s; 1,000 tokens in turn."""
    ours = deployment(stage.postgresql.database())
    with seeding(ours) as seed:
        headers = [bearer(pair.access_token) for pair in seed.pairs(seed.users(USERS), TOKENS)]
    with authapi(stage, ours) as server, rival(stage, arms.BARE_FASTAPI) as bare:
        measured = {
            "verify": steady(stage, server, get(stage, server, "/verify", headers)),
            "bare_fastapi": steady(stage, bare.server, bare.me(stage, headers)),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_throughput(samples, "verify", "bare_fastapi")
