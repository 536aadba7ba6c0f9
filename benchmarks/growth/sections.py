"""The parts of the report: a table each, and the plot of it."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from benchmarks.growth import plots, sizes
from benchmarks.growth.buyer import buyer
from benchmarks.growth.logout import logout
from benchmarks.growth.routes import routes
from benchmarks.growth.section import Section
from benchmarks.harness.load import bearer, getting, posting
from benchmarks.harness.processes import Server, output_of
from benchmarks.harness.rounds import (
    Measure,
    Ratio,
    Sample,
    Samples,
    alternate,
    cpu,
    per_second,
    ratio,
)
from benchmarks.harness.stage import Stage
from benchmarks.ours import BEHIND_A_PROXY, PROXY_SAYS_GET, Ours, authapi, deployment, metric
from benchmarks.rows.login import BODIES, hash_alone
from benchmarks.rows.refresh import with_sessions
from benchmarks.rows.requests import with_revoked
from benchmarks.seed import Seed, session_cookie

CREDENTIALS = 1000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
REVOKED_SIZES = (100, 1_000, 10_000, 100_000)
AUDIT = "authapi:audit"
STATEMENTS = 'authapi_database_statements_total{purpose="request"}'
# KiB and passes: the default, OWASP's other equals, the second choice of RFC 9106, and a small one.
HASHES = ((19456, 2), (47104, 1), (12288, 3), (9216, 4), (7168, 5), (65536, 3), (4096, 1))
# The cheapest hash that is allowed: a log-in's statements would vanish beside the default.
CHEAP = {"hash_memory_kib": "1024", "hash_time_cost": "1"}


def transports(stage: Stage) -> Section:
    """Compare `/verify` by transport: all but `session` verify a signature, `session` looks up."""
    alone = deployment(stage, **BEHIND_A_PROXY)
    cached = deployment(stage, redis_url=stage.redis_url(), **BEHIND_A_PROXY)
    server, headers = authapi(stage, alone), _headers(alone)
    with_redis, cookies = authapi(stage, cached), _headers(cached)["session"]
    arms = {name: _Counted(stage, server, lines) for name, lines in headers.items()}
    arms["session, Redis"] = _Counted(stage, with_redis, cookies)
    samples = alternate(stage, {name: arm.measure for name, arm in arms.items()})
    throughput = {name: per_second(samples, name, "bearer") for name in arms}
    lines = [
        (f"`{name}`", str(throughput[name]), str(cpu(samples, name, "bearer")), arm.statements())
        for name, arm in arms.items()
    ]
    head = ("transport", "requests/s of bearer's", "CPU of bearer's", "statements a request")
    plot = plots.bars("Requests a second by transport, of bearer's", throughput)
    return Section("Transports", head, lines, plot)


class _Counted:
    """An arm, and how many statements its requests sent."""

    def __init__(self, stage: Stage, server: Server, headers: list[str]) -> None:
        self._server = server
        self._measure = getting(stage, server, "/verify", headers, PROXY_SAYS_GET)
        self._rounds: list[float] = []

    def measure(self, seconds: int) -> Sample:
        before = metric(self._server, STATEMENTS)
        sample = self._measure(seconds)
        sent = metric(self._server, STATEMENTS) - before
        self._rounds.append(sent / (sample.per_second * seconds))
        return sample

    def statements(self) -> str:
        return f"{median(self._rounds[1:]):.2f}"


def _headers(ours: Ours) -> dict[str, list[str]]:
    seed = Seed(ours, CREDENTIALS)
    cookies = seed.sessions(CREDENTIALS, "cookie")
    tickets = seed.sessions(CREDENTIALS, "session")
    return {
        "bearer": seed.bearers(CREDENTIALS),
        "hybrid": seed.bearers(CREDENTIALS, "hybrid"),
        "cookie": [f"Cookie: authapi-access={seed.access_token(number)}" for number in cookies],
        "session": [session_cookie(number) for number in tickets],
    }


def sizes_(stage: Stage) -> Section:
    """Count the bytes of a session: in the database, in memory, in each request."""
    lines = list(sizes.lines(stage))
    requests = {
        name.rpartition(" ")[2]: ratio([float(size.replace(",", ""))], [1.0])
        for name, size in lines
        if name.startswith(sizes.OF_A_REQUEST)
    }
    plot = plots.bars("Bytes of credentials in a request by transport", requests)
    return Section("Bytes of a session", ("what", "bytes"), lines, plot)


def algorithms(stage: Stage) -> Section:
    """Compare signatures by algorithm: apps/algorithms.py, alone on the measured core."""
    words = [sys.executable, "-m", "benchmarks.apps.algorithms", str(stage.rounds)]
    told = json.loads(output_of(words, core=stage.server_core))
    signing = {name: ratio(one["sign"], told["ES256"]["sign"]) for name, one in told.items()}
    verifying = {name: ratio(one["verify"], told["ES256"]["verify"]) for name, one in told.items()}
    lines = []
    for name, one in told.items():
        here = f"{median(one['sign']) * 1e6:.0f} / {median(one['verify']) * 1e6:.0f}"
        lines.append(
            (f"`{name}`", str(signing[name]), str(verifying[name]), here, str(one["bytes"]))
        )
    head = (
        "algorithm",
        "signing, of ES256's",
        "verifying a token first seen, of ES256's",
        "here: sign / verify, µs",
        "token, bytes",
    )
    both = {f"{name}, sign": one for name, one in signing.items()}
    both |= {f"{name}, verify": one for name, one in verifying.items()}
    plot = plots.bars("Time by algorithm, of ES256's", both)
    return Section("Algorithms", head, lines, plot)


def hashes(stage: Stage) -> Section:
    """Compare the settings of the password hash."""
    names = [f"{kib / 1024:g} MiB, {n} pass{'es' if n > 1 else ''}" for kib, n in HASHES]
    arms = {name: hash_alone(stage, *pair) for name, pair in zip(names, HASHES, strict=True)}
    samples = alternate(stage, arms)
    costs = {name: cpu(samples, name, names[0]) for name in names}
    lines = []
    for name, (kib, passes) in zip(names, HASHES, strict=True):
        seconds = median(one.cpu for one in samples[name])
        here = (f"{seconds * 1e3:.1f}", f"{1 / seconds:.0f}")
        lines.append((str(kib), str(passes), str(costs[name]), *here))
    head = (
        "`AUTHAPI_HASH_MEMORY_KIB`",
        "`AUTHAPI_HASH_TIME_COST`",
        "CPU a log-in, of the default's",
        "here: ms",
        "here: log-ins/s of one core",
    )
    plot = plots.bars("CPU of one password hash, of the default's", costs)
    return Section("Hash settings", head, lines, plot)


def users(stage: Stage) -> Section:
    """Measure GET /me and POST /login by the number of users."""
    arms: dict[str, Measure] = {}
    for size in SIZES:
        ours = deployment(stage, **CHEAP)
        headers = Seed(ours, size).bearers(CREDENTIALS)
        server = authapi(stage, ours)
        arms[f"me {size}"] = getting(stage, server, "/me", headers)
        arms[f"login {size}"] = posting(stage, server, "/login", BODIES)
    samples = _settled(stage, arms)
    title = "Time by the number of users, of that with 1,000"
    me, login = (_costs(samples, name, SIZES, _time) for name in ("me", "login"))
    return _grown(title, "users", SIZES, {"GET /me": me, "POST /login, cheapest hash": login})


def sessions(stage: Stage) -> Section:
    """Measure POST /refresh by the number of sessions in the table."""
    samples = _settled(stage, {f"refresh {size}": with_sessions(stage, size) for size in SIZES})
    title = "POST /refresh by the number of sessions, of that with 1,000"
    time, cpu = (_costs(samples, "refresh", SIZES, cost) for cost in (_time, _cpu))
    return _grown(title, "sessions", SIZES, {"time a refresh": time, "CPU of the server": cpu})


def administration(stage: Stage) -> Section:
    """Measure a page of accounts, the longest search, and a page of events, by their number."""
    paths = {"users": "/admin/users", "search": "/admin/users?q=nobody", "events": "/admin/events"}
    arms: dict[str, Measure] = {}
    for size in SIZES:
        ours = deployment(stage)
        seed = Seed(ours, size)
        seed.events(size)
        headers = [bearer(seed.access_token(1, scope=AUDIT))]
        server = authapi(stage, ours)
        arms |= {f"{name} {size}": getting(stage, server, paths[name], headers) for name in paths}
    samples = _settled(stage, arms)
    users, search, events = (_costs(samples, name, SIZES, _time) for name in paths)
    title = "Time of administration by the number of accounts and events, of that with 1,000"
    # Of a search, the figures begin where a page is full: it looks at 5,000 accounts.
    named = {"a page of accounts": users, "a search, 5,000 at most": search}
    return _grown(title, "accounts", SIZES, {**named, "a page of events": events})


def revoked(stage: Stage) -> Section:
    """Measure GET /verify by the number of sessions revoked within the last hour."""
    started = {size: with_revoked(stage, size) for size in REVOKED_SIZES}
    mib = [server.resident_mib() for server, _ in started.values()]
    samples = _settled(stage, {f"verify {size}": arm for size, (_, arm) in started.items()})
    costs = _costs(samples, "verify", REVOKED_SIZES, _cpu)
    title = "CPU of GET /verify by the number of revoked sessions, of that with 100"
    section = _grown(title, "revoked sessions", REVOKED_SIZES, {"CPU a request": costs})
    more = [f"{max(0, one - mib[0]):.0f}" for one in mib]
    lines = [(*line, one) for line, one in zip(section.lines, more, strict=True)]
    return Section(title, (*section.head, "memory over 100's, MiB"), lines, section.plot)


def _settled(stage: Stage, arms: Mapping[str, Measure]) -> Samples:
    stage.postgresql.checkpoint()
    return alternate(stage, arms)


def _time(sample: Sample) -> float:
    return 1 / sample.per_second


def _cpu(sample: Sample) -> float:
    return sample.cpu


def _costs(
    samples: Samples, name: str, sizes: Sequence[int], cost: Callable[[Sample], float]
) -> list[Ratio]:
    """Return the cost at each size, of that at the first."""
    rounds = [[cost(one) for one in samples[f"{name} {size}"]] for size in sizes]
    return [ratio(one, rounds[0]) for one in rounds]


def _grown(
    title: str, counted: str, sizes: Sequence[int], ratios: Mapping[str, Sequence[Ratio]]
) -> Section:
    columns = [[f"{size:,}" for size in sizes], *([str(r) for r in one] for one in ratios.values())]
    lines = list(zip(*columns, strict=True))
    return Section(title, (counted, *ratios), lines, plots.curves(title, sizes, ratios))


PARTS: dict[str, Callable[[Stage], Section]] = {
    "transports": transports,
    "bytes": sizes_,
    "algorithms": algorithms,
    "hashes": hashes,
    "users": users,
    "sessions": sessions,
    "revoked": revoked,
    "administration": administration,
    "routes": routes,
    "buyer": buyer,
    "logout": logout,
}
