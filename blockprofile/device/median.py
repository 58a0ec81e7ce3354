"""The median of repeated measurements, with an interval that needs no law of the noise."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Median:
    """A median, half the width of its interval, the standard deviation and the number of values."""

    value: float
    half_width: float
    spread: float
    n: int


@lru_cache(maxsize=1024)
def _rank(n: int) -> int:
    """Return the largest k for which the k-th smallest and k-th largest value enclose the median at `LEVEL`."""
    from scipy.stats import binom

    k = int(binom.ppf((1 - LEVEL) / 2, n, 0.5))
    while k > 0 and 1 - 2 * binom.cdf(k - 1, n, 0.5) < LEVEL:
        k -= 1
    return k


def median_of(values: ArrayLike) -> Median:
    """Return the median and the half-width of its 95 % interval between order statistics.

    Parameters
    ----------
    values
        At least one finite value.

    Returns
    -------
    ``half_width`` is infinite for fewer than six values: no pair of order statistics covers 95 % then.

    Notes
    -----
    The interval from the k-th smallest to the k-th largest of n values covers the median with probability
    1 - 2 P[Binomial(n, 1/2) < k], whatever the distribution is.

    Examples
    --------
    >>> median_of([3, 1, 2, 5, 4, 6, 7])
    Median(value=4.0, half_width=3.0, spread=2.160..., n=7)
    """
    ordered = np.sort(np.asarray(values, np.float64))
    n = len(ordered)
    k = _rank(n)
    half = float(ordered[n - k] - ordered[k - 1]) / 2 if k else float("inf")
    spread = float(ordered.std(ddof=1)) if n > 1 else 0.0
    return Median(float(np.median(ordered)), half, spread, n)
