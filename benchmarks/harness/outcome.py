"""What a row is told: its ratio, and what stands beside it."""

from dataclasses import dataclass, field
from math import isnan

from benchmarks.harness.rounds import Ratio, Samples, cpu, per_second


@dataclass(frozen=True, slots=True)
class Outcome:
    """`besides`: other ratios of the same run; `figures`: medians in units, for the record.

    `remarks` say what could not be measured, and why.
    """

    ratio: Ratio
    besides: dict[str, Ratio] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def figures_of(samples: Samples) -> dict[str, float]:
    """Medians in units, for the file of results: they mean something on this machine only."""
    return {
        f"{name} {unit}": Ratio(tuple(values)).median
        for name, rounds in samples.items()
        for unit, values in (
            ("requests/s", [one.per_second for one in rounds]),
            ("CPU us/request", [one.cpu * 1e6 for one in rounds]),
        )
        if not isnan(values[0])
    }


def of_throughput(samples: Samples, arm: str, of: str, remarks: tuple[str, ...] = ()) -> Outcome:
    """Requests a second of `arm`, of `of`; beside it the same of every other arm."""
    besides = {"CPU a request": cpu(samples, arm, of)}
    besides |= {name: per_second(samples, name, of) for name in samples if name not in (arm, of)}
    return Outcome(per_second(samples, arm, of), besides, figures_of(samples), remarks)


def of_cpu(samples: Samples, arm: str, of: str) -> Outcome:
    return Outcome(cpu(samples, arm, of), figures=figures_of(samples))
