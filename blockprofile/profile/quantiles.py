"""Weighted quantiles of many overlapping cells from one sorted pool, exact over the pool.

The quantile is the inverse of the weighted distribution function: the smallest value at which the cumulative
weight reaches tau (numpy's ``inverted_cdf``, weighted). Beyond what fits in memory see `blockprofile.profile.sketch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["QuantileEstimate", "quantile_bounds", "weighted_quantiles"]

Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """Quantiles at several tau with the bounds of their 95 % intervals; float64, shape (n_taus,)."""

    values: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def quantile_bounds(taus: Sequence[float], effective_n: float) -> NDArray[np.float64]:
    """Return the probabilities at which value, lower and upper bound are read off.

    The bounds are those of the normal approximation to the binomial law of the order statistics' ranks.

    Returns
    -------
    float64, shape (3, n_taus).
    """
    tau = np.asarray(taus, dtype=np.float64)
    half = Z95 * np.sqrt(tau * (1 - tau) / max(effective_n, 1.0))
    return np.stack([tau, np.clip(tau - half, 0, 1), np.clip(tau + half, 0, 1)])


def weighted_quantiles(
    values: NDArray[np.floating], weights: NDArray[np.float64] | None, taus: Sequence[float]
) -> QuantileEstimate:
    """Read quantiles off ascending values.

    Parameters
    ----------
    values
        Ascending, shape (n,), n at least 1.
    weights
        Their weights, or None for equal ones.
    taus
        Probabilities.
    """
    n = len(values)
    if weights is None:
        wanted = quantile_bounds(taus, n)
        places = np.clip(np.ceil(wanted * n - 1e-9).astype(np.int64) - 1, 0, n - 1)
    else:
        cumulative = np.cumsum(weights)
        effective = float(cumulative[-1] ** 2 / (weights**2).sum())
        wanted = quantile_bounds(taus, effective) * cumulative[-1]
        places = np.clip(np.searchsorted(cumulative, wanted * (1 - 1e-12)), 0, n - 1)
    picked = values[places].astype(np.float64)
    return QuantileEstimate(picked[0], picked[1], picked[2])
