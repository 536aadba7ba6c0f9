"""`python -m benchmarks.growth [PART ...]`: writes the tables and draws docs/performance/*.svg."""

import argparse
import sys
from collections.abc import Callable
from time import monotonic

from benchmarks.command import add_lengths, prepare, tell
from benchmarks.growth.algorithms import algorithms
from benchmarks.growth.hashes import hashes
from benchmarks.growth.revoked import revoked
from benchmarks.growth.section import Section
from benchmarks.growth.sessions import sessions
from benchmarks.growth.transports import transports
from benchmarks.growth.users import users
from benchmarks.harness.missing import NotMeasured
from benchmarks.harness.processes import ROOT
from benchmarks.harness.stage import Stage
from benchmarks.report import RESULTS

DRAWINGS = ROOT / "docs" / "performance"
PARTS: dict[str, Callable[[Stage], Section]] = {
    "transports": transports,
    "algorithms": algorithms,
    "hashes": hashes,
    "users": users,
    "sessions": sessions,
    "revoked": revoked,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}")
    arguments = add_lengths(parser).parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    prepare()
    with Stage(seconds=arguments.seconds, rounds=arguments.rounds) as stage:
        sections = [_measured(stage, name) for name in arguments.parts or PARTS]
    text = "\n".join(section.as_markdown() for section in sections if section)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "latest-growth.md").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 0 if all(sections) else 1


def _measured(stage: Stage, name: str) -> Section | None:
    began = monotonic()
    try:
        section = PARTS[name](stage)
    except NotMeasured as missing:
        tell(f"{name} not measured: {missing}")
        return None
    DRAWINGS.mkdir(parents=True, exist_ok=True)
    (DRAWINGS / f"{section.name}.svg").write_text(section.drawing, encoding="utf-8")
    tell(f"{name}   [{monotonic() - began:.0f} s]")
    return section


if __name__ == "__main__":
    sys.exit(main())
