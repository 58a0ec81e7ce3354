"""Fronts of repeated searches: attainment bands over the seeds, the joint front, published networks as marks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare import AttainmentDifference, Comparison, attainment_difference, attainment_surfaces
from blockprofile.errors import DataError, UserError
from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.plot.style import metric_label
from blockprofile.search import SearchResult, reopen_problem
from blockprofile.space import named_archs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#AA4499", "#6B7280", "#B58900")
"""Of Okabe and Ito's palette, and near it: told apart with every common colour blindness."""
N_GRID = 240
N_CELLS = 60


@dataclass(frozen=True, slots=True)
class FrontBand:
    """Best gain at each cost over the seeds of one case: what the best seed, half of the seeds and every seed attain.

    float64, shape (n,); NaN where it is not attained.
    """

    case: str
    cost: Floats
    best: Floats
    median: Floats
    worst: Floats


@dataclass(frozen=True, slots=True)
class Published:
    """A network that has a name: its gain and cost, as printed or as the predictors have them."""

    name: str
    gain: float
    cost: float


@dataclass(frozen=True, slots=True)
class Fronts:
    """What the picture of fronts shows; ``gain`` and ``cost`` are the metrics, with units.

    ``published`` are networks as their authors measured them, ``named`` those that the space names, as predicted.
    """

    gain: str
    cost: str
    gain_unit: str
    cost_unit: str
    bands: tuple[FrontBand, ...]
    published: tuple[Published, ...] = ()
    named: tuple[Published, ...] = ()

    @property
    def labels(self) -> tuple[str, str]:
        """The words of the two axes: cost, gain."""
        return metric_label(self.cost, self.cost_unit), metric_label(self.gain, self.gain_unit)


def published_marks(gain: str, cost: str, names: Sequence[str] | None = None) -> tuple[Published, ...]:
    """Find the published networks whose accuracy and latency on a device are both printed.

    Parameters
    ----------
    gain, cost
        Metrics; other ones than ``top1_percent`` and a latency have no marks.
    names
        Only these networks; None is all.
    """
    from blockprofile.predict import list_published, published_latencies, read_published_table

    device = parse_metric(cost).device
    known = {row["device"] for row in read_published_table("latencies") if row["edition"] == "later"}
    if gain != ACCURACY or parse_metric(cost).column != LATENCY or device not in known:
        return ()
    latencies = published_latencies(device)
    return tuple(
        Published(network.name, network.top1_percent, latencies[network.name])
        for network in list_published()
        if network.top1_percent is not None and network.name in latencies and (names is None or network.name in names)
    )


def named_marks(result: SearchResult, gain: int, cost: int) -> tuple[Published, ...]:
    """Evaluate the networks that the space of a search names, a pruned one's base.

    Parameters
    ----------
    gain, cost
        The goals' places.

    Returns
    -------
    None of them where evaluating may cost a training, or the predictors are gone or not what they were.
    """
    archs = {} if result.problem.costly else named_archs(result.problem.space.base)
    if not archs:
        return ()
    try:
        problem = reopen_problem(result)
    except (UserError, DataError):
        return ()
    rows = problem.natural(problem.points(problem.evaluate(np.stack(list(archs.values())))))
    return tuple(Published(name, float(row[gain]), float(row[cost])) for name, row in zip(archs, rows, strict=True))


def fronts_data(comparison: Comparison, *, published: Sequence[str] | None = None) -> Fronts | None:
    """Compute the bands of all cases.

    Returns
    -------
    None if the goals are not one to be maximised and one to be minimised (of more goals, the first of each counts).
    """
    if comparison.gain_and_cost is None:
        return None
    gain, cost = comparison.gain_and_cost
    runs = [
        [run.archive.points[run.archive.violations <= 0][:, [cost, gain]] for run in case] for case in comparison.runs
    ]
    joint = comparison.joint.points[:, cost]
    grid = np.linspace(joint.min(), joint.max(), N_GRID)
    bands = []
    for case, points in zip(comparison.cases, runs, strict=True):
        surfaces = -attainment_surfaces(points, grid)
        surfaces[~np.isfinite(surfaces)] = np.nan
        bands.append(FrontBand(case.name, grid, *surfaces))
    names, units = comparison.problem.names, comparison.units
    marks = published_marks(names[gain], names[cost], published)
    named = named_marks(comparison.runs[0][0], gain, cost)
    return Fronts(names[gain], names[cost], units[gain], units[cost], tuple(bands), marks, named)


def difference_data(comparison: Comparison, case: int) -> AttainmentDifference | None:
    """Compute how much more often a case attains a point than the original, on a grid of cost by minimised gain.

    Returns
    -------
    None as for `fronts_data`.
    """
    if comparison.gain_and_cost is None:
        return None
    gain, cost = comparison.gain_and_cost
    columns = [cost, gain]
    fronts = [[front[:, columns] for front in comparison.fronts[place]] for place in (case, 0)]
    every = np.concatenate([front for side in fronts for front in side])
    first, second = (np.linspace(every[:, i].min(), every[:, i].max(), N_CELLS) for i in (0, 1))
    return attainment_difference(*fronts, first=first, second=second)


def draw_fronts(data: Fronts, ax: Axes) -> None:
    """Draw bands, medians, published networks (diamonds) and those that the space names (rings)."""
    for place, band in enumerate(data.bands):
        colour = COLOURS[place % len(COLOURS)]
        ax.fill_between(band.cost, band.worst, band.best, color=colour, alpha=0.2, lw=0, step="post")
        ax.step(band.cost, band.median, color=colour, lw=1.5, where="post", label=band.case)
    looks = {"D": (data.published, "0.25"), "o": (data.named, "white")}
    for marker, (marks, fill) in looks.items():
        for mark in marks:
            ax.scatter(mark.cost, mark.gain, marker=marker, s=26, color=fill, edgecolors="0.25", zorder=3)
            ax.annotate(mark.name, (mark.cost, mark.gain), (4, 3), textcoords="offset points", fontsize=7)
    ax.set(xlabel=data.labels[0], ylabel=data.labels[1])
    ax.legend(frameon=False, loc="lower right")


def draw_difference(
    data: AttainmentDifference, ax: Axes, *, labels: tuple[str, str], title: str, case: int = 1
) -> None:
    """Draw where a case attains points more often (its colour among fronts) or less often than the original (its)."""
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("cases", [COLOURS[0], "white", COLOURS[case % len(COLOURS)]])
    shown = ax.pcolormesh(
        data.first, -data.second, data.difference.T, cmap=colours,
        vmin=-1, vmax=1, shading="nearest", rasterized=True,
    )  # fmt: skip
    bar = ax.figure.colorbar(shown, ax=ax, pad=0.02)
    bar.set_label("share of seeds that attain it, less the original's")
    ax.set(xlabel=labels[0], ylabel=labels[1], title=title)
