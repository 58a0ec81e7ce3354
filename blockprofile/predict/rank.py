"""How alike two orders of archs are: Kendall's tau, with an interval by bootstrap, or by its size alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

N_BOOTSTRAP = 1000
LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Tau:
    """Kendall's tau-b of ``n`` archs, with a bootstrap interval of 95 % over archs (percentiles, linear)."""

    name: str
    tau: float
    low: float
    high: float
    n: int


def kendall(first: NDArray[np.floating], second: NDArray[np.floating]) -> float:
    """Return Kendall's tau-b; NaN where all values of one are alike."""
    from scipy.stats import kendalltau

    return float(kendalltau(first, second).statistic)


def tau_ends(tau: float, n: int) -> tuple[float, float]:
    """Return the ends of the interval of 95 % of a tau of ``n`` archs, from the two numbers alone.

    Notes
    -----
    Fisher's z of tau has the variance 0.437 / (n - 4) (Fieller, Hartley and Pearson, 1957). One pair more is counted
    for either order, so that a few archs in perfect order are no certainty; of four archs nothing is known.

    Examples
    --------
    >>> [round(end, 2) for end in tau_ends(0.36, 30)]
    [0.12, 0.56]
    >>> tau_ends(1.0, 4)
    (-1.0, 1.0)
    """
    if n <= 4 or math.isnan(tau):
        return -1.0, 1.0
    pairs = n * (n - 1) / 2
    center, half = (
        math.atanh(tau * pairs / (pairs + 2)),
        NormalDist().inv_cdf((1 + LEVEL) / 2) * math.sqrt(0.437 / (n - 4)),
    )
    return math.tanh(center - half), math.tanh(center + half)


def tau_of(name: str, first: NDArray[np.float64], second: NDArray[np.float64], *, seed: int = 0) -> Tau:
    """Compute tau and its interval.

    Parameters
    ----------
    first, second
        Two values for each arch, shape (n,); at least two archs.

    Notes
    -----
    An arch that a resample holds w_i times counts in pairs w_i w_j: tau-b of all resamples are quadratic forms of the
    matrices of signs, O(n^2) memory.

    Examples
    --------
    >>> values = np.arange(30.0)
    >>> found = tau_of("self", values, values)
    >>> found.tau, found.low, found.n
    (1.0, 1.0, 30)
    """
    n = len(first)
    ours, theirs = (np.sign(values[:, None] - values[None]).astype(np.float32) for values in (first, second))
    rows = np.random.default_rng([seed, 11]).integers(0, n, (N_BOOTSTRAP, n))
    counts = np.ones((N_BOOTSTRAP + 1, n), np.float32)
    for number, drawn in enumerate(rows):
        counts[number] = np.bincount(drawn, minlength=n)
    agreeing, ordered, ordered_too = (_pairs(counts, signs) for signs in (ours * theirs, abs(ours), abs(theirs)))
    with np.errstate(invalid="ignore"):
        taus = agreeing / np.sqrt(ordered * ordered_too)
    resampled = taus[:-1][np.isfinite(taus[:-1])]
    ends = (np.nan, np.nan) if not len(resampled) else np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Tau(name, float(taus[-1]), float(ends[0]), float(ends[1]), n)


def _pairs(counts: NDArray[np.float32], signs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return w S w for every row w of counts."""
    found: NDArray[np.float64] = np.einsum("bn,bn->b", counts @ signs, counts, dtype=np.float64)
    return found
