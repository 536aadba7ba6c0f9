"""Plots as SVG: the same figures give the same bytes."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import ceil, log10

from benchmarks.harness.rounds import Ratio

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 560, 64, 40, 44, 44
BAR, GAP, NAMES, LABEL = 18, 10, 150, 36
COLOURS = ("#1f5fa8", "#c2571a")
INK, FAINT = "#222222", "#d0d0d0"
FONT = 'font-family="sans-serif" font-size="12"'

Points = Sequence[tuple[int, Ratio]]


def curves(title: str, x: str, curves_by_name: Mapping[str, Points]) -> str:
    """Ratios over a count: a point is a median, its stroke goes from the least to the greatest."""
    every = [point for points in curves_by_name.values() for point in points]
    canvas = _Canvas(
        first=log10(min(count for count, _ in every)),
        last=log10(max(count for count, _ in every)),
        top=max(1.5, ceil(max(max(ratio.values) for _, ratio in every) * 2) / 2),
    )
    parts = [*canvas.grid(x), _text(LEFT, 18, title, weight="bold")]
    for number, (name, points) in enumerate(curves_by_name.items()):
        parts += canvas.curve(points, COLOURS[number])
        parts.append(_text(LEFT + 12 + 240 * number, 36, name, colour=COLOURS[number]))
    return _svg(canvas.height, parts)


def bars(title: str, values: Mapping[str, Ratio]) -> str:
    """A bar for each ratio; the line is 1."""
    longest = max(1.0, *(max(ratio.values) for ratio in values.values()))
    scale = (WIDTH - NAMES - 70) / longest
    height = TOP + len(values) * (BAR + GAP)
    parts = [_text(8, 18, title, weight="bold")]
    for number, (name, ratio) in enumerate(values.items()):
        y, length = TOP - 8 + number * (BAR + GAP), ratio.median * scale
        parts.append(_text(NAMES - 8, y + 13, name, anchor="end"))
        parts.append(
            f'<rect x="{NAMES}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[0]}"/>'
        )
        # Beside the line, not under it.
        end = max(length, scale) if 0 <= scale - length < LABEL else length
        parts.append(_text(NAMES + end + 6, y + 13, f"{ratio.median:.2f}"))
    one = NAMES + scale
    parts.append(_stroke(one, TOP - 12, one, height - GAP, INK))
    return _svg(height, parts)


class _Canvas:
    """A count's logarithm to the right, a ratio from 0 upwards."""

    height = 280

    def __init__(self, first: float, last: float, top: float) -> None:
        self._first, self._last, self._top = first, last, top

    def x(self, count: float) -> float:
        share = (log10(count) - self._first) / (self._last - self._first)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, ratio: float) -> float:
        return self.height - BOTTOM - ratio / self._top * (self.height - TOP - BOTTOM)

    def grid(self, label: str) -> Iterator[str]:
        step = 0.5 if self._top <= 5 else ceil(self._top / 10)
        for number in range(int(self._top / step) + 1):
            ratio = number * step
            yield _stroke(LEFT, self.y(ratio), WIDTH - RIGHT, self.y(ratio), FAINT)
            yield _text(LEFT - 8, self.y(ratio) + 4, f"{ratio:g}", anchor="end")
        for power in range(round(self._first), round(self._last) + 1):
            y = self.height - BOTTOM + 18
            yield _text(self.x(10**power), y, f"{10**power:,}", anchor="middle")
        middle = (LEFT + WIDTH - RIGHT) / 2
        yield _text(middle, self.height - 8, label, anchor="middle")
        yield _stroke(LEFT, self.y(1), WIDTH - RIGHT, self.y(1), INK)

    def curve(self, points: Points, colour: str) -> Iterator[str]:
        places = [(self.x(count), self.y(ratio.median)) for count, ratio in points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for (x, y), (_, ratio) in zip(places, points, strict=True):
            yield _stroke(x, self.y(min(ratio.values)), x, self.y(max(ratio.values)), colour)
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
    colour: str = INK,
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text {place} fill="{colour}">{escape(text)}</text>'


def _stroke(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _svg(height: float, parts: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} {FONT}>'
    ground = '<rect width="100%" height="100%" fill="#ffffff"/>'
    return "\n".join([head, ground, *parts, "</svg>"]) + "\n"
