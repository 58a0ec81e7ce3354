"""Charts of fronts, convergence and attainment, for reports of searches and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare import Comparison
from blockprofile.plot import (
    Fronts,
    Published,
    convergence_data,
    difference_data,
    fronts_data,
    metric_label,
    named_marks,
)
from blockprofile.report.document import Drawing, Part
from blockprofile.report.marks import Band, Chart, Line, Mark, Points, Shade
from blockprofile.search import Problem, SearchResult

MAX_MARKS = 300
"""Archs of a joint front that can be pointed at; more are thinned evenly."""


def _kept(n: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, n - 1, min(n, MAX_MARKS)).astype(np.intp))


def _front_marks(runs: list[tuple[int, str, SearchResult]], gain: int, cost: int) -> list[Points]:
    """Mark the archs on the joint front of some searches, in the colour of their case."""
    fronts = [(colour, name, run, run.front) for colour, name, run in runs if len(run.front)]
    points = np.concatenate([front.points for _, _, _, front in fronts])
    owner = np.repeat(np.arange(len(fronts)), [len(front) for _, _, _, front in fronts])
    place = np.concatenate([np.arange(len(front)) for _, _, _, front in fronts])
    better = np.array([((points <= p).all(axis=1) & (points < p).any(axis=1)).any() for p in points])
    kept = np.flatnonzero(~better)
    kept = kept[np.argsort(points[kept, cost])]
    kept = kept[_kept(len(kept))]
    marks = []
    for index, (colour, name, run, front) in enumerate(fronts):
        mine = kept[owner[kept] == index]
        if not len(mine):
            continue
        texts = front.texts()
        natural = run.problem.natural(points[mine])
        tips = tuple(
            "\n".join([*(f"{n}: {v:.4g}" for n, v in zip(run.problem.names, row, strict=True)), texts[place[i]], name])
            for row, i in zip(natural, mine, strict=True)
        )
        marks.append(Points("", natural[:, cost], natural[:, gain], tips, colour=colour, size=3.2))
    return marks


def _published(data: Fronts) -> list[Points]:
    if not data.published:
        return []
    x, y = (np.array([getattr(mark, side) for mark in data.published]) for side in ("cost", "gain"))
    tips = tuple(f"{mark.name}: {mark.gain:g} %, {mark.cost:g} ms, as published" for mark in data.published)
    names = tuple(mark.name for mark in data.published)
    return [Points("published networks, measured by their authors", x, y, tips, names, 4, "diamond", 4.0)]


def network_points(named: Sequence[Published]) -> list[Points]:
    """Mark networks of a space, as predicted; nothing where there is none."""
    if not named:
        return []
    x, y = (np.array([getattr(mark, side) for mark in named]) for side in ("cost", "gain"))
    tips = tuple(f"{mark.name}: {mark.gain:.4g}, {mark.cost:.4g}, as predicted" for mark in named)
    return [Points("networks of the space, as predicted", x, y, tips, tuple(m.name for m in named), 5, "ring", 4.5)]


def fronts_drawing(comparison: Comparison) -> Drawing | None:
    """Draw bands and medians of all cases, the joint front's archs, and published networks."""
    data = fronts_data(comparison)
    if data is None or comparison.gain_and_cost is None:
        return None
    marks: list[Mark] = []
    for colour, band in enumerate(data.bands):
        marks.append(Band(f"{band.case}: all seeds", band.cost, band.worst, band.best, colour, is_step=True))
        marks.append(Line(f"{band.case}: half of the seeds", band.cost, band.median, colour, is_step=True))
    runs = [
        (colour, f"{case.name}, seed {seed}", run)
        for colour, (case, mine) in enumerate(zip(comparison.cases, comparison.runs, strict=True))
        for seed, run in zip(comparison.seeds, mine, strict=True)
    ]
    marks += _front_marks(runs, *comparison.gain_and_cost)
    marks += _published(data) + network_points(data.named)
    marked = np.array([mark.gain for mark in (*data.published, *data.named)])
    gains, lows = (np.concatenate([*(getattr(b, side) for b in data.bands), marked]) for side in ("best", "median"))
    low, high = float(np.nanmin(lows)), float(np.nanmax(gains))
    margin = 0.05 * (high - low) or 0.1
    chart = Chart("Fronts of all cases", *data.labels, tuple(marks), y_range=(low - margin, high + margin))
    caption = (
        "Lines: what half of the seeds attain; bands: from what every seed attains to what the best one does. Dots: "
        "archs that no arch of any search dominates; point at one, or focus the figure and use the arrow keys."
    )
    return Drawing(chart, caption)


def convergence_drawing(comparison: Comparison) -> Drawing:
    """Draw the hypervolume over evaluations with intervals."""
    curves = convergence_data(comparison)
    marks: list[Mark] = []
    for colour, curve in enumerate(curves):
        marks.append(Band("", curve.evaluations, curve.low, curve.high, colour))
        marks.append(Line(curve.case, curve.evaluations, curve.mean, colour))
    last = max(float(curve.high[len(curve.high) // 4 :].max()) for curve in curves)
    first = min(float(np.interp(0.05 * comparison.budget, curve.evaluations, curve.low)) for curve in curves)
    margin = 0.05 * (last - first) or 0.1
    y_label = _volume_label(comparison.problem)
    chart = Chart(
        "Hypervolume over evaluations", "evaluations", y_label, tuple(marks), y_range=(first - margin, last + margin)
    )
    reference = ", ".join(
        f"{name} {value:.5g}" for name, value in zip(comparison.problem.names, comparison.reference, strict=True)
    )
    return Drawing(chart, f"Mean over the seeds with its 95 % interval. Reference point: {reference}.")


def difference_drawing(comparison: Comparison, place: int) -> Drawing | None:
    """Draw where a case attains points more often than the original."""
    data = difference_data(comparison, place)
    fronts = fronts_data(comparison)
    if data is None or fronts is None:
        return None
    name = comparison.cases[place].name
    shade = Shade("", data.first, -data.second, data.difference, more=place)
    chart = Chart(f"Attainment of {name} against the original", *fronts.labels, (shade,))
    caption = (
        f"In the colour of {name}: it attains the point in more seeds than the original does; in the original's: in "
        "fewer. The full colour is a difference of all seeds."
    )
    return Drawing(chart, caption)


def search_drawings(result: SearchResult) -> tuple[Part, ...]:
    """Draw the front of one search among its evaluations, and its hypervolume over evaluations."""
    goals, problem = result.problem.goals, result.problem
    labels = [metric_label(goal.name, unit) for goal, unit in zip(goals, problem.units, strict=True)]
    parts: list[Part] = []
    colour = int(problem.space.is_pruned)  # as in a comparison: the original is the first
    if len(goals) > 1 and len(result.front):
        directions = [goal.direction for goal in goals]
        gain = directions.index("max") if "max" in directions else 0
        cost = next((i for i, direction in enumerate(directions) if i != gain and direction == "min"), 1 - min(gain, 1))
        natural = problem.natural(result.archive.points[result.archive.violations <= 0])
        shown = _kept(len(natural))
        cloud = Points("evaluated", natural[shown, cost], natural[shown, gain], colour=4, size=2.0, opacity=0.5)
        marks = _front_marks([(colour, f"seed {result.seed}", result)], gain, cost)
        named = network_points(named_marks(result, gain, cost))
        chart = Chart("The front", labels[cost], labels[gain], (cloud, *marks, *named))
        parts.append(Drawing(chart, f"The front ({len(result.front)} archs) among a sample of the evaluated archs."))
    progress = result.progress()
    x, y = (progress[name].to_numpy(np.float64) for name in ("n_evaluations", "hypervolume"))
    label = _volume_label(problem)
    chart = Chart("Hypervolume over evaluations", "evaluations", label, (Line("", x, y, colour, is_step=True),))
    reference = ", ".join(
        f"{name} {value:.5g}" for name, value in zip(problem.names, problem.natural(result.reference), strict=True)
    )
    parts.append(Drawing(chart, f"Hypervolume after each generation. Reference point: {reference}."))
    return tuple(parts)


def _volume_label(problem: Problem) -> str:
    return f"hypervolume [{problem.hypervolume_unit}]" if problem.hypervolume_unit else "hypervolume"
