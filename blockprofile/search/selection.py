"""Binary tournament selection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def binary_tournament(
    ranks: NDArray[np.int32], distances: NDArray[np.float64], n: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Select by rank, then by crowding distance, then by chance.

    Parameters
    ----------
    ranks, distances
        Of the population, shape (size,); size at least 1.
    n
        How many to select.

    Returns
    -------
    int64, shape (n,): places in the population, with repetition.

    References
    ----------
    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002, section III-C.
    """
    one, two = rng.integers(0, len(ranks), (2, n))
    better = (ranks[two] < ranks[one]) | ((ranks[two] == ranks[one]) & (distances[two] > distances[one]))
    selected: NDArray[np.int64] = np.where(better, two, one)
    return selected
