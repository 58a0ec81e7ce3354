"""Survival: the best by rank, the last rank cut by crowding distance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.sorting import crowding_distances, rank_points


@dataclass(frozen=True, slots=True)
class Survivors:
    """Who is left: places among the candidates, best first, with rank and crowding distance.

    ``candidate_ranks`` holds the rank of every candidate, survivor or not.
    """

    places: NDArray[np.int64]
    ranks: NDArray[np.int32]
    distances: NDArray[np.float64]
    candidate_ranks: NDArray[np.int32]


def rank_and_crowding(
    points: NDArray[np.float64], violations: NDArray[np.float64], weights: NDArray[np.float64], size: int
) -> Survivors:
    """Keep the ``size`` best candidates.

    Parameters
    ----------
    points
        float64, shape (n, m), minimised.
    violations
        float64, shape (n,); 0 where feasible.
    weights
        float64, shape (m,), of the crowding distance.
    size
        How many to keep at most.

    Notes
    -----
    Ties go to the earlier candidate: parents stand before their children.
    """
    ranks = rank_points(points, violations)
    distances = crowding_distances(points, ranks, weights)
    places = np.lexsort((-distances, ranks))[:size]
    return Survivors(places, ranks[places], distances[places], ranks)
