"""Arms in turn, A B A B, so that a disturbance of the machine disturbs all; and their ratios."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isnan
from statistics import median

from benchmarks.harness.stage import Stage

WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one arm. `cpu` is the server's seconds a request."""

    per_second: float
    cpu: float


Measure = Callable[[int], Sample]  # takes seconds
Samples = Mapping[str, Sequence[Sample]]


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio of two arms in each round; `together`, if given, replaces the median."""

    values: tuple[float, ...]
    together: float | None = None

    @property
    def median(self) -> float:
        return median(self.values) if self.together is None else self.together

    def __str__(self) -> str:
        return f"{self.median:.2f} ({min(self.values):.2f}-{max(self.values):.2f})"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A row's ratio, and what stands beside it.

    `besides` are other ratios of the same run, `figures` medians in units of this machine, and
    `remarks` say what could not be measured, and why.
    """

    ratio: Ratio
    besides: dict[str, Ratio] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def alternate(stage: Stage, arms: Mapping[str, Measure], most_rounds: int = 1000) -> Samples:
    """Warm each arm up, which doesn't count; then measure rounds of all in turn."""
    for measure in arms.values():
        measure(WARM_UP_SECONDS)
    samples: dict[str, list[Sample]] = {name: [] for name in arms}
    for _ in range(min(stage.rounds, most_rounds)):
        for name, measure in arms.items():
            samples[name].append(measure(stage.seconds))
    return samples


def ratio(arm: Sequence[float], of: Sequence[float]) -> Ratio:
    return Ratio(tuple(one / other for one, other in zip(arm, of, strict=True)))


def per_second(samples: Samples, arm: str, of: str) -> Ratio:
    return ratio([one.per_second for one in samples[arm]], [one.per_second for one in samples[of]])


def cpu(samples: Samples, arm: str, of: str) -> Ratio:
    return ratio([one.cpu for one in samples[arm]], [one.cpu for one in samples[of]])


def of_throughput(samples: Samples, arm: str, of: str, remarks: Sequence[str] = ()) -> Outcome:
    """Compare requests a second with those of `of`; beside it every other arm's."""
    besides = {"CPU a request": cpu(samples, arm, of)}
    besides |= {name: per_second(samples, name, of) for name in samples if name not in (arm, of)}
    return Outcome(per_second(samples, arm, of), besides, _figures(samples), tuple(remarks))


def of_cpu(samples: Samples, arm: str, of: str) -> Outcome:
    """Compare the server's CPU a request with that of `of`."""
    return Outcome(cpu(samples, arm, of), figures=_figures(samples))


def _figures(samples: Samples) -> dict[str, float]:
    found = {}
    for name, rounds in samples.items():
        found[f"{name} requests/s"] = median(one.per_second for one in rounds)
        found[f"{name} CPU us/request"] = median(one.cpu for one in rounds) * 1e6
    return {name: value for name, value in found.items() if not isnan(value)}
