"""The tables of results: printed, and written to benchmarks/results, which git ignores."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.growth.section import Section
from benchmarks.harness.processes import ROOT
from benchmarks.harness.rounds import Outcome
from benchmarks.table import Row

RESULTS = Path(__file__).parent / "results"
PLOTS = ROOT / "docs" / "performance"
HEAD = ("row", "what", "target", "measured: median (min-max)", "holds?")


@dataclass(frozen=True, slots=True)
class Result:
    """A row with its outcome, or with the reason why it has none."""

    row: Row
    outcome: Outcome | None
    missing: str = ""

    @property
    def holds(self) -> bool | None:
        return None if self.outcome is None else self.row.holds(self.outcome)

    def cells(self) -> Sequence[str]:
        first = (self.row.name, self.row.what, f"{self.row.direction} {self.row.target:g}")
        if self.outcome is None:
            return (*first, self.missing, "-")
        return (*first, str(self.outcome.ratio), "yes" if self.holds else "NO")


def write_rows(results: Sequence[Result], machine: str) -> str:
    """Write the table of a run, and what was measured beside it; return the text."""
    lines = [HEAD, ["---"] * len(HEAD), *(result.cells() for result in results)]
    table = [f"| {' | '.join(cells)} |" for cells in lines]
    notes = [note for result in results for note in _notes(result)]
    return _write(
        "latest.md", [*table, "", f"Beside them, from the same run ({machine}):", "", *notes]
    )


def write_growth(sections: Mapping[str, Section | None]) -> str:
    """Write the tables of the parts that were measured, and their plots; return the text."""
    PLOTS.mkdir(parents=True, exist_ok=True)
    measured = {name: section for name, section in sections.items() if section}
    for name, section in measured.items():
        if section.plot:
            (PLOTS / f"{name}.svg").write_text(section.plot, encoding="utf-8")
    return _write("latest-growth.md", [section.as_markdown() for section in measured.values()])


def _write(name: str, lines: Sequence[str]) -> str:
    text = "\n".join(lines) + "\n"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(text, encoding="utf-8")
    return text


def _notes(result: Result) -> Iterator[str]:
    outcome, name = result.outcome, result.row.name
    if outcome is None:
        return
    for beside, ratio in outcome.besides.items():
        yield f"- {name}: {beside} {ratio}"
    if outcome.figures:
        here = (f"{figure} {value:.5g}" for figure, value in outcome.figures.items())
        yield f"- {name}, here: {', '.join(here)}"
    yield from (f"- {name}: {remark}" for remark in outcome.remarks)
