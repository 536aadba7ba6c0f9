"""Transport `session` with Redis, whose every request is a look-up."""

from benchmarks.harness.outcome import Outcome, of_throughput
from benchmarks.harness.rounds import alternate, steady
from benchmarks.harness.stage import Stage
from benchmarks.ours import BEHIND_A_PROXY, PROXY_SAYS_GET, authapi, deployment, get
from benchmarks.rivals import arms
from benchmarks.seed import seeding
from benchmarks.theirs import USERS, rival

SESSIONS = 1000


def session(stage: Stage) -> Outcome:
    """Requests a second of `/verify` with the cookie, of express-session's; 1,000 in turn."""
    redis_url = stage.redis_url()
    ours = deployment(stage.postgresql.database(), redis_url=redis_url, **BEHIND_A_PROXY)
    with seeding(ours) as seed:
        ids = seed.session_ids(seed.users(USERS), SESSIONS)
    cookies = [f"Cookie: authapi-session={session_id}" for session_id in ids]
    with authapi(stage, ours) as server, rival(stage, arms.EXPRESS_SESSION) as express:
        theirs = express.me(stage, express.headers(SESSIONS))
        verified = get(stage, server, "/verify", cookies, PROXY_SAYS_GET)
        measured = {
            "session": steady(stage, server, verified),
            "express_session": steady(stage, express.server, theirs),
            "session, GET /me": steady(stage, server, get(stage, server, "/me", cookies)),
        }
        samples = alternate(measured, stage.rounds, stage.seconds)
    return of_throughput(samples, "session", "express_session")
