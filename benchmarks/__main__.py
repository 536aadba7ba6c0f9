"""`python -m benchmarks [ROW ...]`: measures the rows, prints the table, writes the results."""

import argparse
import platform
import sys
from time import monotonic

from benchmarks.command import add_lengths, prepare, tell
from benchmarks.harness.missing import NotMeasured
from benchmarks.harness.processes import BenchmarkError
from benchmarks.harness.stage import Stage
from benchmarks.report import Result, as_markdown, write
from benchmarks.table import ROWS, Row


def main() -> int:
    arguments = _arguments()
    prepare()
    with Stage(seconds=arguments.seconds, rounds=arguments.rounds) as stage:
        if not stage.cores.are_apart:
            tell("There is only one core: server and load share it, and no figure means much.")
        results = [_measured(stage, row) for row in _chosen(arguments.rows)]
        machine = {
            "cores": {"server": stage.cores.server, "load": stage.cores.load},
            "python": platform.python_version(),
            "seconds": stage.seconds,
            "rounds": stage.rounds,
        }
    write(results, machine)
    sys.stdout.write(as_markdown(results))
    return 0 if all(result.holds for result in results) else 1


def _measured(stage: Stage, row: Row) -> Result:
    began = monotonic()
    try:
        result = Result(row, row.measure(stage))
    except NotMeasured as missing:
        result = Result(row, None, f"not measured: {missing}")
    except BenchmarkError as error:
        result = Result(row, None, f"FAILED: {error}")
    tell(f"{' | '.join(result.cells())}   [{monotonic() - began:.0f} s]")
    return result


def _chosen(names: list[str]) -> list[Row]:
    return [row for row in ROWS if not names or row.name in names]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(names)}")
    arguments = add_lengths(parser).parse_args()
    if unknown := set(arguments.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
