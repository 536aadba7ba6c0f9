"""What a buyer asks: how much of a processor does a request take, and a user of the database?"""

from statistics import median

from benchmarks.growth.section import Section
from benchmarks.harness.load import CONNECTIONS, getting
from benchmarks.harness.postgresql import backends, bytes_of
from benchmarks.harness.processes import running_seconds
from benchmarks.harness.rounds import Measure, Sample, alternate
from benchmarks.harness.stage import Stage
from benchmarks.ours import Ours, authapi, deployment
from benchmarks.rows.login import hash_alone, make_known, one_by_one
from benchmarks.rows.refresh import in_chains
from benchmarks.seed import Seed

USERS = 10_000
CREDENTIALS = 1000
HASH = "the default hash alone"
# "Concepts for sizing CPU and memory resources", Keycloak's high-availability guide.
KEYCLOAK = {"POST /login": 15, "POST /refresh": 120}


def buyer(stage: Stage) -> Section:
    """Measure a processor's seconds for a request, by authapi and by its PostgreSQL backends."""
    ours = deployment(stage)
    seed = Seed(ours, USERS)
    weight = bytes_of(ours.database_url, "users") / USERS
    server = authapi(stage, ours)
    make_known(server)
    headers = seed.bearers(CREDENTIALS)
    measured = {
        "POST /login": one_by_one(stage, server),
        "POST /refresh": in_chains(
            stage, server, lambda: seed.refresh_tokens(seed.sessions(CONNECTIONS))
        ),
        "GET /me": getting(stage, server, "/me", headers),
        "GET /verify": getting(stage, server, "/verify", headers),
        # What this machine is worth now: a log-in can't be cheaper.
        HASH: hash_alone(stage),
    }
    databases: dict[str, list[float]] = {name: [] for name in measured}
    arms = {n: _with_database(ours, one, databases[n]) for n, one in measured.items()}
    samples = alternate(stage, arms)
    lines = []
    for name, rounds in samples.items():
        seconds, database = median(one.cpu for one in rounds), median(databases[name][1:])
        published = KEYCLOAK.get(name)
        times = f"{1 / seconds / published:.1f}" if published else ""
        rates = [f"{1 / one.cpu:.0f}" for one in sorted(rounds, key=lambda one: -one.cpu)]
        rate = f"{1 / seconds:.0f} ({rates[0]}-{rates[-1]})"
        here = (f"{seconds * 1e3:.2f}", f"{database * 1e3:.2f}")
        lines.append(
            (name if name == HASH else f"`{name}`", *here, rate, f"{published or ''}", times)
        )
    lines.append(("memory of authapi, MiB", f"{server.resident_mib():.0f}", "", "", "", ""))
    lines.append(("bytes of a user's row, with indexes", "", f"{weight:.0f}", "", "", ""))
    head = (
        "route",
        "CPU of authapi, ms",
        "of its PostgreSQL backends, ms",
        "requests a second and vCPU of authapi",
        "Keycloak's published",
        "of Keycloak's",
    )
    return Section("Requests a second and vCPU", head, lines)


def _with_database(ours: Ours, measure: Measure, seconds: list[float]) -> Measure:
    """Note what the backends took for a request of each round."""

    def measured(length: int) -> Sample:
        before = running_seconds(backends(ours.database_url))
        sample = measure(length)
        took = running_seconds(backends(ours.database_url)) - before
        seconds.append(took / (sample.per_second * length))
        return sample

    return measured
