"""Charts: ticks, places, clipping, escaping."""

from __future__ import annotations

import re

import numpy as np
import pytest

from blockprofile.report.chart import LEFT, LETTER, RIGHT, WIDTH, draw_chart, nice_ticks
from blockprofile.report.marks import Band, Chart, Line, Points, Shade, palette_class
from blockprofile.report.page import _ASSETS, chart_legend


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-3.2, 7.9), (75.123, 75.129), (-2e3, 5e3)])
def test_ticks_are_round_and_inside(low: float, high: float) -> None:
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 11
    assert min(ticks) >= low - 1e-9
    assert max(ticks) <= high + 1e-9
    steps = np.diff(ticks)
    assert steps == pytest.approx(steps[0])
    assert round(steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)) in {1, 2, 5}


def test_an_empty_range_has_one_tick() -> None:
    assert nice_ticks(2.0, 2.0) == [2.0]


def _chart(*marks: object) -> str:
    return draw_chart(Chart("<t>", "x & y", "y", marks))  # type: ignore[arg-type]


def test_points_keep_their_order_and_tips() -> None:
    x, y = np.array([0.0, 1.0, np.nan]), np.array([0.0, 2.0, 1.0])
    drawn = _chart(Points("p", x, y, ("<a>", "b", "c"), ("A", "B", "C"), x_error=x * 0.1, y_error=y * 0.1))
    places = [(float(a), float(b)) for a, b in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    assert len(places) == 2
    assert places[0][0] < places[1][0]
    assert places[0][1] > places[1][1]
    assert 'data-tip="&lt;a&gt;"' in drawn
    assert "<a>" not in drawn
    assert "x &amp; y" in drawn
    assert drawn.count('class="error"') == 4


def test_steps_turn_at_right_angles() -> None:
    drawn = _chart(Line("l", np.arange(3.0), np.arange(3.0), is_step=True))
    path = re.search(r'class="line c0" d="([^"]*)"', drawn)
    assert path is not None
    assert re.fullmatch(r"M[\d. ]+(H[\d.]+V[\d.]+){2}", path[1])


@pytest.mark.parametrize("is_step", [True, False])
def test_bands_are_closed_and_skip_what_is_unknown(is_step: bool) -> None:
    x = np.arange(4.0)
    drawn = _chart(Band("b", x, np.array([np.nan, 0, 1, 1]), np.array([np.nan, 1, 2, 3]), is_step=is_step))
    path = re.search(r'class="band c0" d="([^"]*)"', drawn)
    assert path is not None
    assert path[1].endswith("Z")
    assert "nan" not in path[1]
    nothing = _chart(Line("l", x, x), Band("b", x, x * np.nan, x * np.nan, is_step=is_step))
    assert "band" not in nothing


def test_shades_join_equal_neighbours_and_leave_out_zero() -> None:
    values = np.array([[1.0, 0.0], [1.0, -0.5], [0.0, 0.0]])
    drawn = _chart(Shade("s", np.arange(3.0), np.arange(2.0), values))
    assert drawn.count("<rect") == 2
    assert 'class="shade c1"' in drawn
    assert 'class="shade c0"' in drawn


def test_every_colour_is_in_the_style() -> None:
    style = (_ASSETS / "style.css").read_text(encoding="utf-8")
    assert all(f".{palette_class(colour)}{{" in style for colour in range(20))
    assert len({palette_class(colour) for colour in range(20)}) == len(re.findall(r"\.c\d\{", style))
    drawn = draw_chart(Chart("t", "x", "y", (Line("seventh", np.array([0.0, 1.0]), np.array([0.0, 1.0]), colour=6),)))
    assert 'class="line c0"' in drawn


def test_legend_names_each_label_once() -> None:
    x = np.arange(2.0)
    marks = (
        Line("l", x, x),
        Line("l", x, x),
        Line("d", x, x, is_dashed=True),
        Points("p", x, x),
        Points("", x, x),
        Band("b", x, x, x),
    )
    chart = Chart("t", "x", "y", marks)
    assert [(shape, label) for shape, _, label in chart_legend(chart)] == [
        ("line", "l"), ("dashed", "d"), ("dot", "p"), ("band", "b"),
    ]  # fmt: skip


def test_a_chart_without_finite_values_still_has_axes() -> None:
    assert "<svg" in _chart(Points("p", np.array([np.nan]), np.array([np.nan])))


def test_labels_of_near_points_do_not_lie_on_each_other() -> None:
    x, y = np.array([0.0, 5.0, 5.01, 5.02, 10.0]), np.array([0.0, 5.0, 5.01, 5.02, 10.0])
    drawn = _chart(Points("p", x, y, labels=("first", "alpha", "beta", "gamma", "last")))
    places = {
        (text, float(top)) for top, text in re.findall(r'class="label" x="[\d.]+" y="([\d.]+)"[^>]*>(\w+)<', drawn)
    }
    sides = dict(re.findall(r'text-anchor="(start|end)">(alpha|beta|gamma|last)<', drawn)[::-1])
    assert len(places) == 5
    assert set(sides) == {"start", "end"}


def test_labels_stay_inside_the_frame() -> None:
    x, y = np.array([0.0, 8.6, 9.8, 10.0]), np.array([0.0, 9.95, 10.0, 9.9])
    drawn = _chart(Points("p", x, y, labels=("left", "near", "right", "rightmost")))
    found = re.findall(r'class="label" x="([\d.]+)" y="[\d.]+" text-anchor="(start|end)">(\w+)<', drawn)
    assert len(found) == 4
    for place, anchor, text in found:
        left = float(place) if anchor == "start" else float(place) - LETTER * len(text)
        assert LEFT <= left <= WIDTH - RIGHT - LETTER * len(text)


def test_a_label_between_near_dots_lies_on_none_of_them() -> None:
    """The lower left corner of an effect chart: right of the second dot is a third, left is the frame's edge."""
    x, y = np.array([0.3, 0.82, 0.15, 0.9, 20.0]), np.array([0.0, 0.88, 0.62, 1.3, 8.0])
    drawn = _chart(Points("p", x, y, labels=("e1k3", "e1k3se", "e1k5", "e1k5se", "e6"), size=5.0))
    dots = [(float(a), float(b)) for a, b in re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)"', drawn)]
    words = re.findall(r'class="label" x="([\d.]+)" y="([\d.]+)" text-anchor="(\w+)">(\w+)<', drawn)
    assert len(dots) == len(words) == 5
    for place, top, anchor, text in words:
        left = float(place) - LETTER * len(text) * {"start": 0, "middle": 0.5, "end": 1}[anchor]
        for a, b in dots:
            assert not (left < a < left + LETTER * len(text) and float(top) - 10 < b < float(top))
