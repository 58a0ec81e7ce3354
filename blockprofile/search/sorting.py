"""Ranks and crowding distances of points that are all to be minimised.

Dominance is worked out by moocore's compiled sweeps; nothing here knows of archs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def nondominated(points: Points) -> NDArray[np.bool_]:
    """Tell which points no other point dominates; of equal points the first alone.

    Parameters
    ----------
    points
        float64, shape (n, m), minimised, finite.

    Returns
    -------
    bool, shape (n,).

    Notes
    -----
    O(n log n) for m <= 3.

    Examples
    --------
    >>> nondominated(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0], [1.0, 2.0]]))
    array([ True,  True, False, False])
    """
    from moocore import is_nondominated

    if len(points) == 0:
        return np.zeros(0, bool)
    return np.asarray(is_nondominated(points), bool)


def rank_points(points: Points, violations: NDArray[np.float64] | None = None) -> NDArray[np.int32]:
    """Rank points by non-dominated sorting; infeasible points follow, the less a limit is broken the better.

    Parameters
    ----------
    points
        float64, shape (n, m), minimised, finite.
    violations
        float64, shape (n,): 0 where feasible. None means all are.

    Returns
    -------
    int32, shape (n,): 0 is best. Equal feasible points share a rank, and so do equal violations.

    References
    ----------
    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002, sections III-A and VI.

    Examples
    --------
    >>> rank_points(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
    [0, 0, 1]
    """
    from moocore import pareto_rank

    if len(points) == 0:
        return np.zeros(0, np.int32)
    if violations is None or not violations.any():
        return np.asarray(pareto_rank(points), np.int32)
    ranks = np.zeros(len(points), np.int32)
    feasible = violations <= 0
    n_feasible_ranks = 0
    if feasible.any():
        ranks[feasible] = pareto_rank(points[feasible])
        n_feasible_ranks = int(ranks[feasible].max()) + 1
    _, order = np.unique(violations[~feasible], return_inverse=True)
    ranks[~feasible] = n_feasible_ranks + order
    return ranks


def crowding_distances(points: Points, ranks: NDArray[np.int32], weights: NDArray[np.float64]) -> Points:
    """Compute the weighted crowding distance of every point within its rank.

    Parameters
    ----------
    points
        float64, shape (n, m).
    ranks
        int32, shape (n,).
    weights
        float64, shape (m,); those of MoGA's equation 4.

    Returns
    -------
    float64, shape (n,); infinite at the ends of each objective whose weight is not 0.

    Notes
    -----
    ``D(j) = sum_i w_i (O_i[next] - O_i[prev]) / (O_i[max] - O_i[min])``; an objective that is constant within
    the rank adds nothing. O(m n log n).

    References
    ----------
    Chu et al., "MoGA: Searching Beyond MobileNetV3", ICASSP 2020, equation 4.

    Examples
    --------
    >>> line = np.array([[0.0, 4.0], [1.0, 3.0], [4.0, 0.0]])
    >>> crowding_distances(line, np.zeros(3, np.int32), np.array([0.5, 0.5])).tolist()
    [inf, 1.0, inf]
    """
    n, m = points.shape
    distances = np.zeros(n)
    if n == 0:
        return distances
    for objective in range(m):
        weight = float(weights[objective])
        if weight == 0:
            continue
        column = points[:, objective]
        order = np.lexsort((column, ranks))
        values, group = column[order], ranks[order]
        starts = np.empty(n + 1, bool)
        starts[0] = starts[n] = True
        np.not_equal(group[1:], group[:-1], out=starts[1:n])
        edges = np.flatnonzero(starts)
        spans = values[edges[1:] - 1] - values[edges[:-1]]
        scale = np.repeat(np.where(spans > 0, weight / np.where(spans > 0, spans, 1.0), 0.0), np.diff(edges))
        gaps = np.zeros(n)
        gaps[1:-1] = values[2:] - values[:-2]
        gaps *= scale
        gaps[starts[:n]] = np.inf
        gaps[starts[1:]] = np.inf
        distances[order] += gaps
    return distances
