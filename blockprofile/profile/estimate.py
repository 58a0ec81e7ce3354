"""From moments to estimates: means under targets, linear combinations of them, and their standard errors.

Kernels on plain arrays. The standard error of a combination comes from its influence function, which is
linear in the metric within a group cell, so its second moment follows from the cell's moments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Target
from blockprofile.profile.pool_moments import PoolMoments

Doubles = NDArray[np.float64]

ROUNDING = 1e-12
"""Variances below so much of the square of the mean are rounding."""
UNSEEN = 3.7
"""If all of n archs are alike, others are up to 3.7 / n of the law (97.5 %; -log(0.025) = 3.69)."""
Z975 = 1.96


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
    is_seen
        Which targets any arch counts under, shape (n_targets,).
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
        self.is_seen = np.zeros(len(targets), bool)
        for group, members in self.members.items():
            self.is_seen[members] = (self.weights[group] > 0).any(axis=1)


@dataclass(frozen=True, slots=True)
class CellMeans:
    """The mean of a metric under each target.

    ``means``: float64, shape (n_targets,), NaN where no arch of the pool counts; ``mass``, float64: the sum of the
    weights over the pool; ``n``, int64: the number of archs with a weight above zero; ``effective``, float64: how many
    equally weighted archs they are worth (Kish); ``variances``, float64: of the metric within the target, divided by n.
    """

    means: Doubles
    mass: Doubles
    n: NDArray[np.int64]
    effective: Doubles
    variances: Doubles


def estimate_means(moments: PoolMoments, metric: str, stacked: TargetWeights) -> CellMeans:
    """Estimate E[M] under each target by self-normalised weighting (BlockProfile, equation 2, first term).

    Notes
    -----
    O(n_targets * n_cells), whatever the number of archs.
    """
    n_targets = len(stacked.targets)
    mass, sums, squares, shared = (np.zeros(n_targets) for _ in range(4))
    n = np.zeros(n_targets, np.int64)
    for group, members in stacked.members.items():
        weights, kept = stacked.weights[group], stacked.cells[group]
        counts = moments.counts[group][kept]
        columns = [counts.astype(np.float64), moments.sums[metric][group][kept], moments.squares[metric][group][kept]]
        mass[members], sums[members], squares[members] = (weights @ np.stack(columns, axis=1)).T
        shared[members] = (weights * weights) @ columns[0]
        n[members] = (weights > 0) @ counts
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.where(mass > 0, sums / mass, np.nan)
        variances = np.maximum(squares / mass - means**2, 0.0)
        return CellMeans(means, mass, n, np.where(mass > 0, mass**2 / shared, 0.0), variances)


def standard_errors(
    moments: PoolMoments,
    metric: str,
    stacked: TargetWeights,
    cells: CellMeans,
    coefficients: Doubles,
    *,
    against_mean: bool,
) -> tuple[Doubles, Doubles]:
    """Estimate the errors of ``sum_k c_k * mean_k``, less ``sum_k c_k`` times the overall mean if asked.

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
    Standard errors and their degrees of freedom (for Student's t): float64, shape (n_combinations,) each. Where a
    combination takes in the mean of a single arch nothing is known of its error: NaN and 0.

    Notes
    -----
    The influence of an arch is ``sum_k c_k w_k (y - mean_k)``, less ``sum_k c_k (y - mean)``. It is summed exactly
    within a group. Between groups, whose codes are drawn independently, the covariance of two contrasts is the product
    of their effects, but for what the groups do together; where the coefficients within a group do not add up to 0, it
    is left out. Squared residuals are divided by n - 1, not n, with Kish's effective n where weights differ.
    The degrees of freedom are Welch and Satterthwaite's for cells of equal variance. Archs that are all alike leave a
    share of up to 3.7 / n unseen (97.5 %, binomial), which is taken to be a standard deviation of the pool away.
    """
    total_mean, total_variance = moments.total(metric)
    scales, unseen, freedom = _small_samples(cells, coefficients, total_variance)
    variance = np.square(coefficients) @ unseen
    parts = np.zeros((len(stacked.members), len(coefficients)))
    for part, (group, members) in enumerate(stacked.members.items()):
        rows = np.flatnonzero(np.any(coefficients[:, members] != 0, axis=1))
        if len(rows) == 0:
            continue
        mine = coefficients[np.ix_(rows, members)]
        with np.errstate(divide="ignore", invalid="ignore"):
            scaled = np.where(mine == 0, 0.0, mine * moments.n * scales[members] / cells.mass[members])
        slope = scaled @ stacked.weights[group]
        offset = np.where(scaled == 0, 0.0, scaled * cells.means[members]) @ stacked.weights[group]
        if against_mean:
            share = mine.sum(axis=1, keepdims=True)
            slope -= share
            offset -= share * total_mean
        kept = stacked.cells[group]
        found = (slope * slope) @ moments.squares[metric][group][kept]
        found -= 2 * (slope * offset) @ moments.sums[metric][group][kept]
        found += (offset * offset) @ moments.counts[group][kept].astype(np.float64)
        variance[rows] += np.maximum(found, 0.0) / moments.n**2
        is_contrast = np.abs(mine.sum(axis=1)) < ROUNDING
        parts[part, rows] = np.where(is_contrast, mine @ np.where(cells.n[members] > 0, cells.means[members], 0.0), 0.0)
    between = (np.square(parts.sum(axis=0)) - np.square(parts).sum(axis=0)) / moments.n
    variance += np.maximum(between, -variance / 2)
    return np.where(freedom > 0, np.sqrt(variance), np.nan), freedom


def _small_samples(cells: CellMeans, coefficients: Doubles, total_variance: float) -> tuple[Doubles, Doubles, Doubles]:
    """Return each cell's factor of its residuals, the variance that its archs cannot show, and degrees of freedom."""
    n = np.maximum(cells.effective, 1.0)
    is_known = n > 1 + ROUNDING
    scales = np.where(is_known, np.sqrt(n / np.where(is_known, n - 1, 1.0)), 0.0)
    alike = np.nan_to_num(cells.variances) <= ROUNDING * np.nan_to_num(cells.means) ** 2
    unseen = np.where(alike, total_variance * (UNSEEN / Z975 / n) ** 2, 0.0)
    parts = np.square(coefficients) / n
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = parts.sum(axis=1) ** 2 / (np.square(parts) / np.where(is_known, n - 1, 1.0)).sum(axis=1)
    is_single = ((coefficients != 0) & ~is_known).any(axis=1)
    return scales, unseen, np.where(is_single, 0.0, np.nan_to_num(freedom))
