"""What a protected request costs by each transport."""

from benchmarks.growth.drawing import bars
from benchmarks.growth.section import Section
from benchmarks.harness.processes import Server
from benchmarks.harness.rounds import Measure, Ratio, Sample, alternate, cpu, per_second, steady
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import bearer
from benchmarks.ours import BEHIND_A_PROXY, PROXY_SAYS_GET, authapi, deployment, get, metric
from benchmarks.seed import Seed, seeding

CREDENTIALS = 1000
STATEMENTS = 'authapi_database_statements_total{purpose="request"}'
HEAD = ("transport", "`/verify`, requests/s of bearer's", "CPU of bearer's", "statements a request")


def transports(stage: Stage) -> Section:
    """Bearer, hybrid and cookie verify a signature once; session looks up each time."""
    alone = deployment(stage.postgresql.database(), **BEHIND_A_PROXY)
    cached = deployment(stage.postgresql.database(), redis_url=stage.redis_url(), **BEHIND_A_PROXY)
    with authapi(stage, alone) as server, authapi(stage, cached) as with_redis:
        with seeding(alone) as seed:
            headers = _headers(seed)
        with seeding(cached) as seed:
            with_redis_headers = _headers(seed)["session"]
        counted: dict[str, _Counted] = {
            name: _Counted(stage, server, lines) for name, lines in headers.items()
        }
        counted["session, Redis"] = _Counted(stage, with_redis, with_redis_headers)
        arms: dict[str, Measure] = {name: one.measure for name, one in counted.items()}
        samples = alternate(arms, stage.rounds, stage.seconds)
    throughput = {name: per_second(samples, name, "bearer") for name in arms}
    lines = [
        (f"`{name}`", str(throughput[name]), str(cpu(samples, name, "bearer")), one.statements())
        for name, one in counted.items()
    ]
    title = "Requests a second by transport, of bearer's"
    return Section("transports", "Transports", HEAD, lines, bars(title, throughput))


class _Counted:
    """One arm, and how many statements its requests sent."""

    def __init__(self, stage: Stage, server: Server, headers: list[str]) -> None:
        self._server = server
        self._measure = steady(
            stage, server, get(stage, server, "/verify", headers, PROXY_SAYS_GET)
        )
        self._rounds: list[float] = []

    def measure(self, seconds: int) -> Sample:
        before = metric(self._server, STATEMENTS)
        sample = self._measure(seconds)
        sent = metric(self._server, STATEMENTS) - before
        self._rounds.append(sent / (sample.per_second * seconds))
        return sample

    def statements(self) -> str:
        return f"{Ratio(tuple(self._rounds[1:])).median:.2f}"


def _headers(seed: Seed) -> dict[str, list[str]]:
    users = seed.users(CREDENTIALS)
    ids = seed.session_ids(users, CREDENTIALS)
    made = {
        name: [pair.access_token for pair in seed.pairs(users, CREDENTIALS, name)]
        for name in ("bearer", "hybrid", "cookie")
    }
    return {
        "bearer": [bearer(token) for token in made["bearer"]],
        "hybrid": [bearer(token) for token in made["hybrid"]],
        "cookie": [f"Cookie: authapi-access={token}" for token in made["cookie"]],
        "session": [f"Cookie: authapi-session={session_id}" for session_id in ids],
    }
