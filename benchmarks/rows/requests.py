"""Requests that carry a credential: claims, first-seen, verify, me, session, revoked."""

from collections.abc import Sequence

from benchmarks.harness.load import bearer, getting, getting_once
from benchmarks.harness.processes import BenchmarkError, MissingProgramError, Server
from benchmarks.harness.rounds import (
    WARM_UP_SECONDS,
    Measure,
    Outcome,
    alternate,
    of_cpu,
    of_throughput,
)
from benchmarks.harness.stage import Stage
from benchmarks.ours import BEHIND_A_PROXY, PROXY_SAYS_GET, authapi, deployment, metric, services
from benchmarks.rivals import arms
from benchmarks.rivals.arms import Arm
from benchmarks.seed import Seed, session_cookie
from benchmarks.theirs import USERS, me, rival

CREDENTIALS = 1000
# More than an arm can answer in a second. If these are too few, the load fails.
FRESH_TOKENS_PER_SECOND = 8000
MOST_ROUNDS = 3  # of rows with many arms
REVOKED = 100_000
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
    """Claims-only route, requests/s, of a bare FastAPI route."""
    return _beside_bare(stage, ("claims",), OTHERS)


def claims_middleware(stage: Stage) -> Outcome:
    """Claims-only route behind AuthMiddleware, requests/s, of a bare FastAPI route."""
    return _beside_bare(stage, ("claims_middleware", "claims_floor"), ())


def _beside_bare(stage: Stage, apps: Sequence[str], others: Sequence[Arm]) -> Outcome:
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    headers = seed.bearers(CREDENTIALS)
    started = services(stage, ours, *apps)
    measured = {app: getting(stage, server, "/me", headers) for app, server in started.items()}
    remarks = []
    for arm in (arms.BARE_FASTAPI, *others):
        try:
            measured[arm.name] = me(stage, arm, headers, seed.public_key())
        except MissingProgramError as missing:
            remarks.append(f"{arm.name} not measured: {missing}")
    samples = alternate(stage, measured, MOST_ROUNDS)
    return of_throughput(samples, apps[0], "bare_fastapi", remarks)


def first_seen(stage: Stage) -> Outcome:
    """Claims-only route, each token once, requests/s, of PyJWT's decode."""
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    length = WARM_UP_SECONDS + stage.rounds * stage.seconds
    numbers = range(length * FRESH_TOKENS_PER_SECOND)
    file = stage.file_of(bearer(seed.access_token(number)) for number in numbers)
    app = services(stage, ours, "claims")["claims"]
    other = rival(stage, arms.PYJWT_ES256, seed.public_key()).server
    measured = {
        "claims": getting_once(stage, app, "/me", file),
        "pyjwt_es256": getting_once(stage, other, "/me", file),
    }
    return of_throughput(alternate(stage, measured), "claims", "pyjwt_es256")


def verify(stage: Stage) -> Outcome:
    """`/verify` with Bearer tokens, requests/s, of a bare FastAPI route."""
    ours = deployment(stage)
    headers = Seed(ours, USERS).bearers(CREDENTIALS)
    measured = {
        "verify": getting(stage, authapi(stage, ours), "/verify", headers),
        "bare_fastapi": me(stage, arms.BARE_FASTAPI, headers),
    }
    return of_throughput(alternate(stage, measured), "verify", "bare_fastapi")


def own_profile(stage: Stage) -> Outcome:
    """`GET /me`, requests/s, of fastapi-users' with its JWT strategy."""
    ours = deployment(stage)
    headers = Seed(ours, USERS).bearers(CREDENTIALS)
    measured = {"me": getting(stage, authapi(stage, ours), "/me", headers)}
    for arm in (arms.FASTAPI_USERS_JWT, arms.FASTAPI_USERS_DATABASE, arms.SIMPLEJWT):
        measured[arm.name] = me(stage, arm, [])
    return of_throughput(alternate(stage, measured, MOST_ROUNDS), "me", "fastapi_users_jwt")


def session(stage: Stage) -> Outcome:
    """`/verify` with transport `session`, requests/s, of express-session."""
    ours = deployment(stage, redis_url=stage.redis_url(), **BEHIND_A_PROXY)
    cookies = [session_cookie(n) for n in Seed(ours, USERS).sessions(CREDENTIALS, "session")]
    server = authapi(stage, ours)
    measured = {
        "session": getting(stage, server, "/verify", cookies, PROXY_SAYS_GET),
        "express_session": me(stage, arms.EXPRESS_SESSION, []),
        "session, GET /me": getting(stage, server, "/me", cookies),
    }
    return of_throughput(alternate(stage, measured), "session", "express_session")


def revoked(stage: Stage) -> Outcome:
    """`/verify` with 100,000 revoked sessions in memory, CPU, of with none."""
    measured = {"many": with_revoked(stage, REVOKED)[1], "none": with_revoked(stage, 0)[1]}
    return of_cpu(alternate(stage, measured), "many", "none")


def sight(stage: Stage) -> Outcome:
    """`/verify` with metrics and traces on, CPU, of with both off."""
    # The receiver is away, which costs most.
    watched = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    measured = {}
    for name, metrics, more in (("on", "true", watched), ("off", "false", None)):
        ours = deployment(stage, metrics=metrics)
        headers = Seed(ours, USERS).bearers(CREDENTIALS)
        measured[name] = getting(stage, authapi(stage, ours, more=more), "/verify", headers)
    return of_cpu(alternate(stage, measured), "on", "off")


def with_revoked(stage: Stage, count: int) -> tuple[Server, Measure]:
    """Start a server that has so many in memory; it is asked with 1,000 good tokens in turn."""
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    seed.sessions(count, revoked=True)
    headers = seed.bearers(CREDENTIALS)
    server = authapi(stage, ours)
    loaded = metric(server, "authapi_revoked_sessions")
    if loaded != count:
        raise BenchmarkError(f"{loaded:.0f} revoked sessions are loaded instead of {count}")
    return server, getting(stage, server, "/verify", headers)
