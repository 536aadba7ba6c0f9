"""What a log-in costs by the settings of its hash."""

from benchmarks.growth.drawing import bars
from benchmarks.growth.section import Section
from benchmarks.harness.rounds import Ratio, alternate, cpu
from benchmarks.harness.stage import Stage
from benchmarks.rows.login import hash_alone

# KiB and passes: the default, OWASP's other equals, the second choice of RFC 9106, and a small one.
DEFAULT = (19456, 2)
SETTINGS = (DEFAULT, (47104, 1), (12288, 3), (9216, 4), (7168, 5), (65536, 3), (4096, 1))
HEAD = (
    "`AUTHAPI_HASH_MEMORY_KIB`",
    "`AUTHAPI_HASH_TIME_COST`",
    "CPU a log-in, of the default's",
    "here: ms",
    "here: log-ins/s of one core",
)


def hashes(stage: Stage) -> Section:
    arms = {_name(*pair): hash_alone(stage, *pair) for pair in SETTINGS}
    samples = alternate(arms, stage.rounds, stage.seconds)
    costs = {name: cpu(samples, name, _name(*DEFAULT)) for name in arms}
    lines = []
    for memory, passes in SETTINGS:
        name = _name(memory, passes)
        seconds = Ratio(tuple(one.cpu for one in samples[name])).median
        here = (f"{seconds * 1e3:.1f}", f"{1 / seconds:.0f}")
        lines.append((str(memory), str(passes), str(costs[name]), *here))
    title = "CPU of one password hash, of the default's"
    return Section("hashes", "Hash settings", HEAD, lines, bars(title, costs))


def _name(memory: int, passes: int) -> str:
    return f"{memory / 1024:g} MiB, {passes} pass{'es' if passes > 1 else ''}"
