"""Plots as SVG, by leather: the same figures give the same bytes."""

from collections.abc import Mapping, Sequence
from math import ceil, log10

import leather
from leather import svg, theme

from benchmarks.harness.rounds import Ratio

WIDTH = 640
COLOURS = ("#1f5fa8", "#c2571a", "#3f7f3f")
theme.background_color = "#ffffff"
theme.title_font_family = theme.legend_font_family = "sans-serif"
theme.tick_font_family = theme.axis_title_font_family = "sans-serif"
theme.default_series_colors = list(COLOURS)
theme.title_gap = 16


def bars(title: str, ratios: Mapping[str, Ratio]) -> str:
    """Draw a bar for each ratio, with its figure beside its name."""
    chart = leather.Chart(title)
    named = [(one.median, f"{name}  {one.median:.2f}") for name, one in ratios.items()]
    chart.add_bars(named)
    chart.add_x_scale(0, max(1, ceil(max(value for value, _ in named))))
    return _svg(chart, 130 + 30 * len(ratios))


def curves(title: str, counts: Sequence[int], ratios: Mapping[str, Sequence[Ratio]]) -> str:
    """Draw ratios over the logarithm of a count, with a stroke from the least to the greatest."""
    chart = leather.Chart(title)
    powers = [log10(count) for count in counts]
    for name, curve in ratios.items():
        points: list[tuple[float | None, float | None]] = []
        points += [(power, one.median) for power, one in zip(powers, curve, strict=True)]
        for power, one in zip(powers, curve, strict=True):
            points += [(None, None), (power, min(one.values)), (power, max(one.values))]
        chart.add_line(points, name=name)
    most = max(max(one.values) for curve in ratios.values() for one in curve)
    chart.add_y_scale(0, max(1.5, ceil(2 * most) / 2))
    chart.add_x_scale(powers[0] - 0.3, powers[-1] + 0.3)  # room for the labels
    chart.add_x_axis(powers, lambda power, _number, _count: f"{round(10**power):,}")
    return _svg(chart, 320)


def _svg(chart: leather.Chart, height: int) -> str:
    return f"{svg.HEADER}{chart.to_svg(width=WIDTH, height=height)}\n"
