"""One quantity at several sizes, a server and a database for each, all up at once."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from benchmarks.harness.rounds import Measure, Ratio, Sample, Samples, alternate, ratio
from benchmarks.harness.stage import Stage

Put = Callable[[ExitStack, Stage, int], Mapping[str, Measure]]


def at_each_size(stage: Stage, sizes: Sequence[int], put: Put) -> Samples:
    """`put` starts what belongs to a size and names its arms; they are called `name/size`."""
    with ExitStack() as stack:
        arms = {
            f"{name}/{size}": measure
            for size in sizes
            for name, measure in put(stack, stage, size).items()
        }
        stage.postgresql.checkpoint()
        return alternate(arms, stage.rounds, stage.seconds)


def costs(
    samples: Samples, name: str, sizes: Sequence[int], cost: Callable[[Sample], float]
) -> list[tuple[int, Ratio]]:
    """What it costs at each size, of what it costs at the first."""
    rounds = {size: [cost(one) for one in samples[f"{name}/{size}"]] for size in sizes}
    return [(size, ratio(rounds[size], rounds[sizes[0]])) for size in sizes]


def time_of(sample: Sample) -> float:
    return 1 / sample.per_second


def cpu_of(sample: Sample) -> float:
    return sample.cpu
