"""Tokens that the application has never seen: each costs a signature's verification."""

from contextlib import ExitStack

from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.processes import BenchmarkError, Server
from benchmarks.harness.rounds import WARM_UP, Measure, Sample, alternate, under_load
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk, bearer
from benchmarks.ours import claims_app, deployment
from benchmarks.rivals import arms
from benchmarks.seed import seeding
from benchmarks.theirs import USERS, rival, signed_by

# More than either arm can answer; the load fails where they don't suffice.
TOKENS_PER_SECOND = 5000


def first_seen(stage: Stage) -> Outcome:
    """Requests a second of apps/claims.py, of PyJWT's own decode in its place."""
    ours = deployment(stage.postgresql.database())
    length = WARM_UP + stage.rounds * stage.seconds
    with ExitStack() as stack, seeding(ours) as seed:
        tokens = seed.access_tokens(seed.users(USERS), length * TOKENS_PER_SECOND)
        file = stage.file_of(map(bearer, tokens))
        app = stack.enter_context(claims_app(stage, ours))
        other = stack.enter_context(rival(stage, arms.PYJWT_ES256, environment=signed_by(seed)))
        measured = {
            "claims": _never_twice(stage, app, file),
            "pyjwt_es256": _never_twice(stage, other.server, file),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_throughput(samples, "claims", "pyjwt_es256")


def _never_twice(stage: Stage, server: Server, file: str) -> Measure:
    """Each run goes on in the file where the arm's last one was surely through."""
    position = 0

    def measure(seconds: int) -> Sample:
        nonlocal position
        first = position
        position += seconds * TOKENS_PER_SECOND
        arguments = (file, "header", str(first), "once")
        load = Wrk(server.url("/me"), "in_turn.lua", arguments)
        sample = under_load(stage, server, lambda: load)(seconds)
        if sample.per_second > TOKENS_PER_SECOND:
            raise BenchmarkError("TOKENS_PER_SECOND is too small for this machine")
        return sample

    return measure
