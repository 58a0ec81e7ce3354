"""Quality of one search's front against the joint front of all searches of a comparison."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.run import Limit
from blockprofile.search import fronts_by_generation, nondominated

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class JointFront:
    """The non-dominated points of all searches together, minimised, and the box that scales goals to 0..1.

    ``points`` has shape (n, m); ``low`` and ``span`` shape (m,): the front's least value and extent of each goal,
    an extent of 0 taken as 1.
    """

    points: Floats
    low: Floats
    span: Floats

    def scale(self, points: Floats) -> Floats:
        """Scale goals so that the joint front fills 0..1 in each: float64, shape (n, m)."""
        return np.asarray((points - self.low) / self.span)

    def igd_plus(self, points: Floats) -> float:
        """Return the mean distance from the joint front to what the points lack of it, in scaled goals.

        NaN if there are no points.

        References
        ----------
        Ishibuchi et al., "Modified distance calculation in generational distance and inverted generational
        distance", EMO 2015.
        """
        from moocore import igd_plus

        return float(igd_plus(self.scale(points), ref=self.scale(self.points))) if len(points) else float("nan")

    def epsilon(self, points: Floats) -> float:
        """Return by how much, at most, the points must be improved in every scaled goal to cover the joint front.

        NaN if there are no points.

        References
        ----------
        Zitzler et al., "Performance assessment of multiobjective optimizers", IEEE TEVC 2003.
        """
        from moocore import epsilon_additive

        return float(epsilon_additive(self.scale(points), ref=self.scale(self.points))) if len(points) else float("nan")


def joint_front(fronts: Sequence[Floats]) -> JointFront:
    """Join fronts.

    Parameters
    ----------
    fronts
        Arrays of shape (n, m), minimised; at least one point in all.
    """
    points = np.unique(np.concatenate(list(fronts)), axis=0)
    points = points[nondominated(points)]
    low, high = points.min(axis=0), points.max(axis=0)
    return JointFront(points, low, np.where(high > low, high - low, 1.0))


def hypervolume_curve(
    points: Floats, feasible: NDArray[np.bool_], reference: Floats, ends: NDArray[np.int64]
) -> Floats:
    """Return the hypervolume after so many evaluations each.

    Parameters
    ----------
    points
        float64, shape (n, m), minimised, in the order of evaluation.
    feasible
        bool, shape (n,).
    reference
        float64, shape (m,).
    ends
        int64, ascending: numbers of evaluations.

    Returns
    -------
    float64, shape (len(ends),), never falling.
    """
    kept = np.flatnonzero(feasible)
    counts = np.searchsorted(kept, ends)
    return np.array([volume for _, volume in fronts_by_generation(points[kept], counts.tolist(), reference)])


def is_within(cost: Floats, limit: float) -> NDArray[np.bool_]:
    """Tell which costs, stored as float32, are within a limit; one that equals it but for that rounding is.

    Examples
    --------
    >>> is_within(np.array([np.float32(20.1)], np.float64), 20.1).tolist()
    [True]
    """
    return np.asarray(Limit("", "<=", limit).violation({"": cost}) == 0)  # type: ignore[dict-item]


def best_within(gain: Floats, cost: Floats, limit: float) -> float:
    """Return the greatest gain among archs whose cost is within a limit; NaN if there are none.

    Examples
    --------
    >>> best_within(np.array([75.0, 76.0]), np.array([20.0, 31.0]), 30.0)
    75.0
    """
    within = is_within(cost, limit)
    return float(gain[within].max()) if within.any() else float("nan")
