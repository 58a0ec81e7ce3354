"""Empirical attainment: how often, over repeated searches, a point of the plane of two goals is reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AttainmentDifference:
    """Share of searches of one case that attain a point, less that of the other, on a grid of two minimised goals.

    ``difference`` has shape (len(first), len(second)), from -1 to 1; rows go with ``first``.
    """

    first: Floats
    second: Floats
    difference: Floats


def attained(points: Floats, first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Tell which grid points a set of points weakly dominates.

    Parameters
    ----------
    points
        float64, shape (n, 2), minimised; n may be 0.
    first, second
        float64, ascending: the grid.

    Returns
    -------
    bool, shape (len(first), len(second)).

    Examples
    --------
    >>> attained(np.array([[1.0, 1.0]]), np.array([0.0, 1.0]), np.array([1.0, 2.0])).tolist()
    [[False, False], [True, True]]
    """
    best = best_second(points, first)
    return np.asarray(second[None, :] >= best[:, None])


def best_second(points: Floats, first: Floats) -> Floats:
    """Return, at each limit on the first goal, the least second goal of the points within it; inf if there is none."""
    if len(points) == 0:
        return np.full(len(first), np.inf)
    order = np.argsort(points[:, 0], kind="stable")
    least = np.minimum.accumulate(points[order, 1])
    places = np.searchsorted(points[order, 0], first, side="right")
    return np.where(places > 0, least[np.maximum(places - 1, 0)], np.inf)


def attainment_difference(
    ours: Sequence[Floats], theirs: Sequence[Floats], *, first: Floats, second: Floats
) -> AttainmentDifference:
    """Compare how often two cases attain each point of a grid.

    Parameters
    ----------
    ours, theirs
        One array of shape (n, 2) per search, minimised.
    first, second
        float64, ascending: the grid.

    Returns
    -------
    Positive where ``ours`` attains a point more often. Exact on the grid.

    References
    ----------
    Grunert da Fonseca, Fonseca and Hall, "Inferential performance assessment of stochastic optimisers and the
    attainment function", EMO 2001.
    """
    shares = [np.mean([attained(points, first, second) for points in runs], axis=0) for runs in (ours, theirs)]
    return AttainmentDifference(first, second, shares[0] - shares[1])


def attainment_surfaces(runs: Sequence[Floats], first: Floats, levels: Sequence[float] = (0.0, 0.5, 1.0)) -> Floats:
    """Return the second goal that shares of the searches attain at each limit on the first.

    Parameters
    ----------
    runs
        One array of shape (n, 2) per search, minimised.
    first
        float64: limits on the first goal.
    levels
        Shares of the searches, from 0 (the best one) through 0.5 (half of them, rounded up) to 1 (all of them).

    Returns
    -------
    float64, shape (len(levels), len(first)); inf where too few searches attain anything.

    Examples
    --------
    >>> attainment_surfaces([np.array([[1.0, 5.0]]), np.array([[1.0, 3.0]])], np.array([1.0])).T.tolist()
    [[3.0, 3.0, 5.0]]
    """
    values = np.sort(np.stack([best_second(points, first) for points in runs]), axis=0)
    n = len(runs)
    places = [min(n - 1, max(0, int(np.ceil(level * n)) - 1)) for level in levels]
    return np.asarray(values[places])
