"""A part of the report: a table and the drawing of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    name: str
    title: str
    head: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]
    drawing: str

    def as_markdown(self) -> str:
        rows = [self.head, ("---",) * len(self.head), *self.lines]
        return f"## {self.title}\n\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
