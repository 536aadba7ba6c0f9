"""`python -m benchmarks [--growth] [NAME ...]`: measures, prints and writes the tables."""

import argparse
import logging
import platform
import signal
import sys
from contextlib import ExitStack
from time import monotonic

import structlog

from benchmarks import report
from benchmarks.growth.section import Section
from benchmarks.growth.sections import PARTS
from benchmarks.harness.processes import BenchmarkError, MissingProgramError
from benchmarks.harness.stage import Stage, alone
from benchmarks.report import Result
from benchmarks.table import ROWS, Row, chosen


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # end in order
    # A new signing key is logged as information.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with ExitStack() as run:
        run.enter_context(alone())
        stage = Stage(run, seconds=arguments.seconds, rounds=arguments.rounds)
        if stage.server_core == stage.load_core:
            _tell("There is only one core: server and load share it, and no figure means much.")
        if arguments.growth:
            sections = {name: _part(stage, name) for name in arguments.names or PARTS}
            text, holds = report.write_growth(sections), all(sections.values())
        else:
            results = [_result(stage, row) for row in chosen(arguments.names)]
            machine = f"CPython {platform.python_version()}, {stage.rounds} x {stage.seconds} s"
            text = report.write_rows(results, machine)
            holds = all(result.holds for result in results)
    sys.stdout.write(text)
    return 0 if holds else 1


def _result(stage: Stage, row: Row) -> Result:
    began = monotonic()
    try:
        with stage.row:
            result = Result(row, row.measure(stage))
    except MissingProgramError as missing:
        result = Result(row, None, f"not measured: {missing}")
    except BenchmarkError as error:
        result = Result(row, None, f"FAILED: {error}")
    _tell(f"{' | '.join(result.cells())}   [{monotonic() - began:.0f} s]")
    return result


def _part(stage: Stage, name: str) -> Section | None:
    began = monotonic()
    try:
        with stage.row:
            section = PARTS[name](stage)
    except MissingProgramError as missing:
        _tell(f"{name} not measured: {missing}")
        return None
    _tell(f"{name}   [{monotonic() - began:.0f} s]")
    return section


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    rows = list(dict.fromkeys(name for row in ROWS for name in (row.name, row.group) if name))
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(rows)}")
    parser.add_argument("--growth", action="store_true", help=f"parts: {', '.join(PARTS)}")
    parser.add_argument("--seconds", type=int, default=2, help="length of a round of an arm")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each arm")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(PARTS if arguments.growth else rows):
        parser.error(f"no such name: {', '.join(sorted(unknown))}")
    return arguments


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
