"""From moments to estimates: means under targets, linear combinations of them, and their standard errors.

Kernels on plain arrays. The standard error of a combination comes from its influence function, which is
linear in the metric within a group cell, so its second moment follows from the cell's moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.profile.pool_moments import PoolMoments
from blockprofile.profile.targets import Target

__all__ = ["CellMeans", "TargetWeights", "estimate_means", "standard_errors"]

Doubles = NDArray[np.float64]


class TargetWeights:
    """The weights of several targets, stacked by group so that all of them are handled at once.

    Parameters
    ----------
    targets
        In the order of the estimates.
    moments
        What the pool has seen: cells without an arch are left out, which are most where depths are searched.

    Attributes
    ----------
    members
        Group number -> the numbers of its targets, int64.
    cells
        Group number -> the numbers of its cells that hold an arch, int64.
    weights
        Group number -> float64, shape (n_members, n_cells).
    """

    def __init__(self, targets: Sequence[Target], moments: PoolMoments) -> None:
        self.targets = tuple(targets)
        numbers: dict[int, list[int]] = {}
        for index, target in enumerate(targets):
            numbers.setdefault(target.group, []).append(index)
        self.members = {group: np.array(indices) for group, indices in numbers.items()}
        self.cells = {group: np.flatnonzero(moments.counts[group]) for group in numbers}
        self.weights = {
            group: np.stack([targets[index].weights[self.cells[group]] for index in indices])
            for group, indices in numbers.items()
        }


@dataclass(frozen=True, slots=True)
class CellMeans:
    """The mean of a metric under each target.

    ``means``: float64, shape (n_targets,), NaN where no arch of the pool counts; ``mass``, float64: the sum of the
    weights over the pool; ``n``, int64: the number of archs with a weight above zero.
    """

    means: Doubles
    mass: Doubles
    n: NDArray[np.int64]


def estimate_means(moments: PoolMoments, metric: str, stacked: TargetWeights) -> CellMeans:
    """Estimate E[M] under each target by self-normalised weighting (BlockProfile, equation 2, first term).

    Notes
    -----
    O(n_targets * n_cells), whatever the number of archs.
    """
    n_targets = len(stacked.targets)
    mass, sums, n = np.zeros(n_targets), np.zeros(n_targets), np.zeros(n_targets, np.int64)
    for group, members in stacked.members.items():
        weights, kept = stacked.weights[group], stacked.cells[group]
        counts = moments.counts[group][kept]
        columns = np.stack([counts.astype(np.float64), moments.sums[metric][group][kept]], axis=1)
        mass[members], sums[members] = (weights @ columns).T
        n[members] = (weights > 0) @ counts
    with np.errstate(invalid="ignore", divide="ignore"):
        return CellMeans(np.where(mass > 0, sums / mass, np.nan), mass, n)


def standard_errors(
    moments: PoolMoments,
    metric: str,
    stacked: TargetWeights,
    cells: CellMeans,
    coefficients: Doubles,
    *,
    against_mean: bool,
) -> Doubles:
    """Return the standard errors of ``sum_k c_k * mean_k``, less ``sum_k c_k`` times the overall mean if asked.

    Parameters
    ----------
    moments, metric, stacked, cells
        As given to and got from `estimate_means`.
    coefficients
        One row of c_k for each combination, shape (n_combinations, n_targets); 0 for targets without archs.
    against_mean
        Whether the overall mean is taken off, as in equation 2 of BlockProfile.

    Returns
    -------
    float64, shape (n_combinations,).

    Notes
    -----
    The influence of an arch is ``sum_k c_k w_k (y - mean_k)``, less ``sum_k c_k (y - mean)``. It is summed exactly
    within a group; between groups, whose codes are drawn independently, the covariance is a product of
    effects and left out.
    """
    total_mean, _ = moments.total(metric)
    variance = np.zeros(len(coefficients))
    for group, members in stacked.members.items():
        rows = np.flatnonzero(np.any(coefficients[:, members] != 0, axis=1))
        if len(rows) == 0:
            continue
        mine = coefficients[np.ix_(rows, members)]
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.where(mine == 0, 0.0, mine * moments.n / cells.mass[members])
        slope = scaled @ stacked.weights[group]
        offset = np.where(scaled == 0, 0.0, scaled * cells.means[members]) @ stacked.weights[group]
        if against_mean:
            share = mine.sum(axis=1, keepdims=True)
            slope -= share
            offset -= share * total_mean
        kept = stacked.cells[group]
        variance[rows] += (slope * slope) @ moments.squares[metric][group][kept]
        variance[rows] -= 2 * (slope * offset) @ moments.sums[metric][group][kept]
        variance[rows] += (offset * offset) @ moments.counts[group][kept].astype(np.float64)
    errors: Doubles = np.sqrt(np.maximum(variance, 0.0)) / moments.n
    return errors
