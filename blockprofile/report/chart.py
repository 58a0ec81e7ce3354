"""Charts as inline SVG, drawn on two axes; colours come from the page's style."""

from __future__ import annotations

import math
from html import escape
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blockprofile.report.marks import Band, Chart, Line, Mark, Points, Shade, palette_class

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 84, 14, 12, 52
LETTER, LINE = 7.0, 12.0
"""About the width of a label's letter and the height of its line."""


def nice_ticks(low: float, high: float, n: int = 6) -> list[float]:
    """Return round numbers between two ends, about ``n`` of them: steps of 1, 2 or 5 times a power of ten.

    Examples
    --------
    >>> nice_ticks(0.0, 10.0)
    [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if not high > low:
        return [low]
    rough = (high - low) / max(n - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.75)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(place * step, 12) for place in range(first, last + 1)]


class _Scale:
    def __init__(self, chart: Chart) -> None:
        self.x_ends = chart.x_range or _ends([_extent(mark, "x") for mark in chart.marks])
        self.y_ends = chart.y_range or _ends([_extent(mark, "y") for mark in chart.marks])

    def x(self, value: float) -> float:
        low, high = self.x_ends
        return round(LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        low, high = self.y_ends
        return round(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)


def _extent(mark: Mark, axis: str) -> Floats:
    if isinstance(mark, Band):
        return mark.x if axis == "x" else np.concatenate([mark.low, mark.high])
    values = mark.x if axis == "x" else mark.y
    error = (mark.x_error if axis == "x" else mark.y_error) if isinstance(mark, Points) else None
    return values if error is None else np.concatenate([values - error, values + error])


def _ends(parts: list[Floats]) -> tuple[float, float]:
    values = np.concatenate(parts) if parts else np.zeros(0)
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or abs(low) * 0.1 or 0.5
    return low - margin, high + margin


def _tick_text(value: float, step: float) -> str:
    decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 2
    return f"{value:,.{decimals}f}" if decimals <= 6 else f"{value:.3g}"


def _axes(chart: Chart, scale: _Scale) -> str:
    parts = []
    for axis in ("x", "y"):
        low, high = scale.x_ends if axis == "x" else scale.y_ends
        ticks = nice_ticks(low, high)
        step = ticks[1] - ticks[0] if len(ticks) > 1 else abs(ticks[0]) or 1.0
        for value in ticks:
            text = escape(_tick_text(value, step))
            if axis == "x":
                x = scale.x(value)
                parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
                parts.append(
                    f'<text class="tick" x="{x}" y="{HEIGHT - BOTTOM + 17}" text-anchor="middle">{text}</text>'
                )
            else:
                y = scale.y(value)
                parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
                parts.append(f'<text class="tick" x="{LEFT - 7}" y="{y + 4}" text-anchor="end">{text}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    center = (WIDTH + LEFT) / 2
    parts.append(
        f'<text class="axis" x="{center}" y="{HEIGHT - 8}" text-anchor="middle">{escape(chart.x_label)}</text>'
        f'<text class="axis" transform="translate(15 {middle}) rotate(-90)" text-anchor="middle">'
        f"{escape(chart.y_label)}</text>"
    )
    return "".join(parts)


def _path(x: Floats, y: Floats, scale: _Scale, *, is_step: bool) -> str:
    places = [(scale.x(a), scale.y(b)) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
    words = []
    for place, (a, b) in enumerate(places):
        words.append(f"{'L' if place else 'M'}{a} {b}" if not (is_step and place) else f"H{a}V{b}")
    return "".join(words)


def _line(mark: Line, scale: _Scale) -> str:
    dash = " dashed" if mark.is_dashed else ""
    path = _path(mark.x, mark.y, scale, is_step=mark.is_step)
    return f'<path class="line {palette_class(mark.colour)}{dash}" d="{path}"/>'


def _band(mark: Band, scale: _Scale) -> str:
    known = np.isfinite(mark.low) & np.isfinite(mark.high)
    x, low, high = mark.x[known], mark.low[known], mark.high[known]
    if len(x) == 0:
        return ""
    top = _path(x, high, scale, is_step=mark.is_step)
    places = [(scale.x(a), scale.y(b)) for a, b in zip(x[::-1], low[::-1], strict=True)]
    bottom = [f"L{places[0][0]} {places[0][1]}"]
    bottom += [f"V{b}H{a}V{b}" if not mark.is_step else f"V{b}H{a}" for a, b in places[1:]]
    if not mark.is_step:
        bottom = [f"L{a} {b}" for a, b in places]
    return f'<path class="band {palette_class(mark.colour)}" d="{top}{"".join(bottom)}Z"/>'


def _shade(mark: Shade, scale: _Scale) -> str:
    """Draw the cells that are not 0, neighbours of one value in a row as one."""
    width = abs(scale.x(mark.x[1]) - scale.x(mark.x[0])) if len(mark.x) > 1 else 8.0
    height = abs(scale.y(mark.y[1]) - scale.y(mark.y[0])) if len(mark.y) > 1 else 8.0
    parts = []
    for row, y in enumerate(mark.y):
        values = mark.values[:, row]
        edges = np.flatnonzero(np.diff(values, prepend=np.nan, append=np.nan) != 0)
        for start, stop in pairwise(edges):
            value = float(values[start])
            if value:
                box = f'x="{scale.x(mark.x[start]) - width / 2:.1f}" y="{scale.y(y) - height / 2:.1f}"'
                size = f'width="{width * (stop - start):.1f}" height="{height + 0.3:.1f}"'
                colour = mark.more if value > 0 else mark.less
                parts.append(f'<rect class="shade {palette_class(colour)}" {box} {size} opacity="{abs(value):.2f}"/>')
    return "".join(parts)


def _symbol(shape: str, x: float, y: float, size: float) -> str:
    if shape == "diamond":
        r = round(size * 1.4, 1)
        return f'<path d="M{x} {round(y - r, 1)}l{r} {r}l{-r} {r}l{-r} {-r}Z"/>'
    return f'<circle cx="{x}" cy="{y}" r="{size}"/>'


def _label(text: str, x: float, y: float, gap: float, taken: list[tuple[float, float, float]]) -> str:
    """Write a label by a mark, inside the frame and where no earlier one stands: beside it, above or below, farther."""
    width = LETTER * len(text)
    sides = [(x + gap, "start"), (x - gap - width, "end")]
    middle = [(x - width / 2, "middle")]
    near, apart = (-5.0, 14.0, -18.0, 27.0), (-31.0, 40.0)
    choices = [(left, anchor, y + shift) for shift in near for left, anchor in sides]
    choices += [(left, anchor, y + shift) for shift in (-gap, gap + LINE) for left, anchor in middle]
    choices += [(left, anchor, y + shift) for shift in apart for left, anchor in sides]
    inside = [choice for choice in choices if LEFT <= choice[0] <= WIDTH - RIGHT - width] or choices
    free = [choice for choice in inside if not any(_overlaps((choice[0], choice[2], width), box) for box in taken)]
    left, anchor, top = (free or inside)[0]
    taken.append((left, top, width))
    at = left + width * {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
    place = f'x="{round(at, 1)}" y="{round(top, 1)}" text-anchor="{anchor}"'
    return f'<text class="label" {place}>{escape(text)}</text>'


def _overlaps(one: tuple[float, float, float], other: tuple[float, float, float]) -> bool:
    apart = one[0] + one[2] < other[0] or other[0] + other[2] < one[0]
    return not apart and abs(one[1] - other[1]) < LINE


def _is_finite(x: float, y: float) -> bool:
    return math.isfinite(x) and math.isfinite(y)


def _points(mark: Points, scale: _Scale) -> str:
    parts = []
    known = [(scale.x(float(a)), scale.y(float(b))) for a, b in zip(mark.x, mark.y, strict=True) if _is_finite(a, b)]
    taken = [(x - mark.size, y + 4.0, 2 * mark.size) for x, y in known]
    reach = ' tabindex="0" data-walk' if mark.tips else ""
    parts.append(
        f'<g class="points {palette_class(mark.colour)} {mark.shape}" opacity="{mark.opacity}"{reach} role="group" '
        f'aria-label="{escape(mark.label, quote=True)}">'
    )
    for place, (a, b) in enumerate(zip(mark.x, mark.y, strict=True)):
        if not _is_finite(a, b):
            continue
        x, y = scale.x(float(a)), scale.y(float(b))
        if mark.x_error is not None:
            ends = scale.x(float(a - mark.x_error[place])), scale.x(float(a + mark.x_error[place]))
            parts.append(f'<line class="error" x1="{ends[0]}" x2="{ends[1]}" y1="{y}" y2="{y}"/>')
        if mark.y_error is not None:
            ends = scale.y(float(b - mark.y_error[place])), scale.y(float(b + mark.y_error[place]))
            parts.append(f'<line class="error" x1="{x}" x2="{x}" y1="{ends[0]}" y2="{ends[1]}"/>')
        symbol = _symbol(mark.shape, x, y, mark.size)
        tip = f' data-tip="{escape(mark.tips[place], quote=True)}"' if mark.tips else ""
        parts.append(f"<g{tip}>{symbol}</g>" if tip else symbol)
        if mark.labels:
            parts.append(_label(mark.labels[place], x, y, mark.size + 4, taken))
    parts.append("</g>")
    return "".join(parts)


def draw_chart(chart: Chart) -> str:
    """Draw a chart as an SVG element; all words in it are escaped and can be selected."""
    scale = _Scale(chart)
    drawn = []
    for mark in chart.marks:
        if isinstance(mark, Points):
            drawn.append(_points(mark, scale))
        elif isinstance(mark, Shade):
            drawn.append(_shade(mark, scale))
        else:
            drawn.append(_line(mark, scale) if isinstance(mark, Line) else _band(mark, scale))
    title = escape(chart.title, quote=True)
    size = f"{WIDTH - LEFT} {HEIGHT - TOP - BOTTOM}"
    width, height = size.split()
    box = f'x="{LEFT}" y="{TOP}" width="{width}" height="{height}" viewBox="{LEFT} {TOP} {size}"'
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="{title}">'
        f"{_axes(chart, scale)}<svg {box}>{''.join(drawn)}</svg></svg>"
    )
