"""A route that needs only the claims, beside the same route without authentication."""

from collections.abc import Mapping
from contextlib import ExitStack

from benchmarks.harness.missing import NotMeasured
from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.rounds import Measure, alternate, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import claims_app, deployment, get
from benchmarks.rivals import arms
from benchmarks.rivals.arms import Arm
from benchmarks.seed import seeding
from benchmarks.theirs import USERS, rival, signed_by

TOKENS = 1000
ROUNDS = 3  # there are many arms
OTHERS = (
    arms.BARE_ASGI,
    arms.TUTORIAL,
    arms.FASTAPI_USERS_JWT,
    arms.FASTAPI_USERS_DATABASE,
    arms.SIMPLEJWT,
    arms.EXPRESS_JWT,
    arms.EXPRESS_SESSION,
)


def claims(stage: Stage) -> Outcome:
    """Requests a second of apps/claims.py, of `bare_fastapi`; 1,000 tokens in turn."""
    ours = deployment(stage.postgresql.database())
    with ExitStack() as stack, seeding(ours) as seed:
        headers = [bearer(pair.access_token) for pair in seed.pairs(seed.users(USERS), TOKENS)]
        app = stack.enter_context(claims_app(stage, ours))
        measured = {"claims": steady(stage, app, get(stage, app, "/me", headers))}
        remarks = []
        for arm in (arms.BARE_FASTAPI, *OTHERS):
            try:
                measured[arm.name] = of_rival(stack, stage, arm, headers, signed_by(seed))
            except NotMeasured as missing:
                remarks.append(f"{arm.name} not measured: {missing}")
        samples = alternate(measured, min(stage.rounds, ROUNDS), stage.seconds)
    return of_throughput(samples, "claims", "bare_fastapi", tuple(remarks))


def of_rival(
    stack: ExitStack,
    stage: Stage,
    arm: Arm,
    headers: list[str],
    environment: Mapping[str, str],
) -> Measure:
    """`headers` are for an arm without credentials of its own."""
    other = stack.enter_context(rival(stage, arm, environment=environment))
    theirs = other.headers(TOKENS) if arm.filler else headers
    return steady(stage, other.server, other.me(stage, theirs))
