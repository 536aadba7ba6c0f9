"""Arms in turn: A B A B ..., so that whatever disturbs the machine disturbs all of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.harness.processes import Server
from benchmarks.harness.stage import Stage
from benchmarks.harness.wrk import Wrk

WARM_UP = 1  # second


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one arm. `cpu` is the server's seconds a request."""

    per_second: float
    cpu: float


Measure = Callable[[int], Sample]  # takes seconds
Samples = Mapping[str, Sequence[Sample]]


def alternate(arms: Mapping[str, Measure], rounds: int, seconds: int) -> Samples:
    """A warm-up of each, which doesn't count; then so many rounds of all."""
    for measure in arms.values():
        measure(WARM_UP)
    samples: dict[str, list[Sample]] = {name: [] for name in arms}
    for _ in range(rounds):
        for name, measure in arms.items():
            samples[name].append(measure(seconds))
    return samples


def steady(stage: Stage, server: Server, load: Wrk) -> Measure:
    """A round is one run of wrk, the same each time."""
    return under_load(stage, server, lambda: load)


def under_load(stage: Stage, server: Server, load: Callable[[], Wrk]) -> Measure:
    """The same, with another load each time, for tokens that serve once."""

    warm_up = True  # the first time

    def measure(seconds: int) -> Sample:
        nonlocal warm_up
        before = server.cpu_seconds()
        answered = load().run(seconds, stage.cores.load, warm_up=warm_up)
        warm_up = False
        cpu = server.cpu_seconds() - before
        return Sample(answered.per_second, cpu / answered.requests)

    return measure


@dataclass(frozen=True, slots=True)
class Ratio:
    """Of two arms, round by round; `together` is that of all rounds, where a median won't do."""

    values: tuple[float, ...]
    together: float | None = None

    @property
    def median(self) -> float:
        return median(self.values) if self.together is None else self.together

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.values):.2f}-{max(self.values):.2f})"


def per_second(samples: Samples, arm: str, of: str) -> Ratio:
    return ratio([one.per_second for one in samples[arm]], [one.per_second for one in samples[of]])


def cpu(samples: Samples, arm: str, of: str) -> Ratio:
    return ratio([one.cpu for one in samples[arm]], [one.cpu for one in samples[of]])


def ratio(arm: Sequence[float], of: Sequence[float]) -> Ratio:
    return Ratio(tuple(one / other for one, other in zip(arm, of, strict=True)))
