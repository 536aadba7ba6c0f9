"""The table of results: printed, and written to benchmarks/results."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.outcome import Outcome
from benchmarks.table import Row

RESULTS = Path(__file__).parent / "results"
HEAD = ("row", "what", "target", "measured: median (min-max)", "holds?")


@dataclass(frozen=True, slots=True)
class Result:
    """A row with its outcome, or with the reason why there is none."""

    row: Row
    outcome: Outcome | None
    missing: str = ""

    @property
    def holds(self) -> bool | None:
        return None if self.outcome is None else self.row.holds(self.outcome)

    def cells(self) -> tuple[str, ...]:
        row = self.row
        target = f"{row.direction} {row.target:g}"
        if self.outcome is None:
            return row.name, row.what, target, self.missing, "-"
        return row.name, row.what, target, str(self.outcome.ratio), "yes" if self.holds else "NO"


def as_markdown(results: list[Result]) -> str:
    lines = [_line(HEAD), _line(["---"] * len(HEAD))]
    lines += [_line(result.cells()) for result in results]
    lines += ["", "Beside them, from the same runs:", ""]
    for result in results:
        lines += _besides(result)
    return "\n".join(lines) + "\n"


def write(results: list[Result], machine: Mapping[str, object]) -> None:
    RESULTS.mkdir(exist_ok=True)
    rows = {result.row.name: _as_json(result) for result in results}
    document = {"machine": machine, "rows": rows}
    text = json.dumps(document, indent=2)
    (RESULTS / "latest.json").write_text(text + "\n", encoding="utf-8")
    (RESULTS / "latest.md").write_text(as_markdown(results), encoding="utf-8")


def _line(cells: "tuple[str, ...] | list[str]") -> str:
    return f"| {' | '.join(cells)} |"


def _besides(result: Result) -> list[str]:
    outcome = result.outcome
    if outcome is None:
        return []
    ratios = [f"- {result.row.name}: {name} {ratio}" for name, ratio in outcome.besides.items()]
    return [*ratios, *(f"- {result.row.name}: {remark}" for remark in outcome.remarks)]


def _as_json(result: Result) -> dict[str, object]:
    row, outcome = result.row, result.outcome
    told: dict[str, object] = {"target": f"{row.direction} {row.target:g}", "holds": result.holds}
    if outcome is None:
        return told | {"not_measured": result.missing}
    return told | {
        "median": outcome.ratio.median,
        "rounds": outcome.ratio.values,
        "besides": {name: ratio.values for name, ratio in outcome.besides.items()},
        "figures_of_this_machine": outcome.figures,
        "remarks": outcome.remarks,
    }
