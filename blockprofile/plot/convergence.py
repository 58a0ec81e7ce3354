"""Hypervolume over evaluations: the mean over seeds with its 95 % interval, case by case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare import Comparison
from blockprofile.plot.fronts import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
N_PLACES = 200


@dataclass(frozen=True, slots=True)
class Convergence:
    """One case's mean hypervolume after so many evaluations, with the ends of its interval; shape (n,) each.

    With one seed the interval has no width.
    """

    case: str
    evaluations: Floats
    mean: Floats
    low: Floats
    high: Floats


def convergence_data(comparison: Comparison) -> tuple[Convergence, ...]:
    """Compute the curves of all cases at up to 200 numbers of evaluations; intervals by Student's t."""
    from scipy.stats import t

    n_ends = len(comparison.ends)
    places = np.unique(np.linspace(0, n_ends - 1, min(N_PLACES, n_ends)).astype(int))
    n = len(comparison.seeds)
    found = []
    for case, curves in zip(comparison.cases, comparison.curves, strict=True):
        shown = curves[:, places]
        mean = shown.mean(axis=0)
        half = t.ppf(0.975, n - 1) * shown.std(axis=0, ddof=1) / np.sqrt(n) if n > 1 else np.zeros(len(places))
        found.append(Convergence(case.name, comparison.ends[places].astype(np.float64), mean, mean - half, mean + half))
    return tuple(found)


def draw_convergence(data: tuple[Convergence, ...], ax: Axes, *, unit: str = "") -> None:
    """Draw the curves and their intervals."""
    for place, curve in enumerate(data):
        colour = COLOURS[place % len(COLOURS)]
        ax.fill_between(curve.evaluations, curve.low, curve.high, color=colour, alpha=0.2, lw=0)
        ax.plot(curve.evaluations, curve.mean, color=colour, lw=1.5, label=curve.case)
    last = max(float(curve.high[len(curve.high) // 4 :].max()) for curve in data)
    first = min(float(np.interp(0.05 * curve.evaluations[-1], curve.evaluations, curve.low)) for curve in data)
    ax.set_ylim(first, last + (0.02 * (last - first) or 0.1))
    ax.set(xlabel="evaluations", ylabel=f"hypervolume [{unit}]" if unit else "hypervolume")
    ax.legend(frameon=False, loc="lower right")
