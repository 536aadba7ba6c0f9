"""A part of the report."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """A table, and its plot as SVG; some tables have none."""

    title: str
    head: Sequence[str]
    lines: Sequence[Sequence[str]]
    plot: str = ""

    def as_markdown(self) -> str:
        rows = [self.head, ["---"] * len(self.head), *self.lines]
        return f"## {self.title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
