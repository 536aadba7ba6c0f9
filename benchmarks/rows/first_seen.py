"""Tokens that the application has never seen: each costs a signature's verification."""

from contextlib import ExitStack

from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.processes import Server
from benchmarks.harness.rounds import WARM_UP, Measure, Sample, alternate
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk, bearer
from benchmarks.ours import claims_app, deployment
from benchmarks.rivals import arms
from benchmarks.seed import seeding
from benchmarks.theirs import USERS, rival, signed_by

# More than an arm can answer; the load fails where they don't suffice.
TOKENS_PER_SECOND = 8000
CONNECTIONS = 16


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
        arguments = (file, "header", str(position), "once")
        load = Wrk(server.url("/me"), "in_turn.lua", arguments, CONNECTIONS)
        before = server.cpu_seconds()
        answered = load.run(seconds, stage.cores.load, warm_up=position == 0)
        cpu = server.cpu_seconds() - before
        # What was under way at the end was sent, and so was one for each connection after it.
        position += answered.requests + 2 * CONNECTIONS
        return Sample(answered.per_second, cpu / answered.requests)

    return measure
