"""Weighted quantiles of many overlapping cells: values, intervals from order statistics, and contrasts with the whole.

The quantile is the inverse of the weighted distribution function: the smallest value at which the cumulative
weight reaches tau (numpy's ``inverted_cdf``, weighted). Beyond what fits in memory see `blockprofile.profile.sketch`.

How many of m archs lie below the true quantile is binomial(m, tau), whatever the metric's law. Intervals and p-values
are read off that law, so they hold at every number of archs; where even the extreme arch does not give 95 %, a bound is
infinite. With weights m is an effective number, and the binomial law is continued between whole numbers by the
incomplete beta function (Korn and Graubard, Survey Methodology 24, 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Z95 = 1.959963984540054
TAIL = 0.025
EVEN = 1e-12
"""Weights that differ by less count as equal."""

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """Quantiles at several tau; float64, shape (n_taus,) each.

    ``low`` and ``high`` bound their 95 % intervals, -inf and inf where the archs are too few. ``m`` is the effective
    number of archs at each quantile. ``under`` and ``upto`` are the shares of the weight that lie below, and at or
    below, the quantiles of the whole pool.
    """

    values: Doubles
    low: Doubles
    high: Doubles
    m: Doubles
    under: Doubles
    upto: Doubles


@dataclass(frozen=True, slots=True)
class QuantileContrast:
    """Quantiles of cells less those of the whole pool; float64, shape (n_cells, n_taus) each.

    ``below`` and ``above`` are the distances from the effects to the bounds of their 95 % intervals, ``p_value`` is
    that of the binomial test of no effect.
    """

    effects: Doubles
    below: Doubles
    above: Doubles
    p_value: Doubles


def binomial_below(k: Doubles, m: Doubles, tau: Doubles) -> Doubles:
    """Return P(K <= k), K being binomial(m, tau), continued between whole numbers; 0 for k below 0, 1 from m on."""
    from scipy.special import betainc

    inside = np.clip(k, 0.0, np.maximum(m - 1e-9, 0.0))
    chance = betainc(np.maximum(m - inside, 1e-300), inside + 1, 1 - tau)
    return np.where(k < 0, 0.0, np.where(k >= m, 1.0, chance))


@lru_cache(maxsize=4096)
def _rank_bounds(taus: tuple[float, ...], m: tuple[float, ...]) -> tuple[Doubles, Doubles]:
    from scipy.special import bdtrik

    tau, most = np.array(taus + tuple(1 - tau for tau in taus)), np.array(m + m)
    # Too few archs: not even that none of them lies below the quantile would be rare.
    is_rare = binomial_below(np.zeros(1), most, tau) <= TAIL
    rank = np.where(is_rare, bdtrik(TAIL, most, tau), -np.inf) / most
    half = len(taus)
    return rank[:half], 1 - rank[half:]


def rank_bounds(taus: Sequence[float], m: Doubles) -> tuple[Doubles, Doubles]:
    """Return the shares of the weight that enclose each quantile with 95 % confidence.

    Parameters
    ----------
    m
        The effective number of archs at each, shape (n_taus,).

    Returns
    -------
    The lower bound is the smallest value with *more* than the first share at or below it, -inf where that share is
    -inf; the upper one is the smallest value with at least the second share, inf where that is inf.

    Notes
    -----
    Each bound errs with a chance of at most 2.5 %: order statistics by the exact binomial law of their ranks.
    """
    return _rank_bounds(tuple(taus), tuple(m.tolist()))


def shared_n(taus: Doubles, below: Doubles, total: float, n: float) -> Doubles:
    """Return the effective number of archs at quantiles of unevenly weighted archs.

    Parameters
    ----------
    below
        The sum of squared weights at or below each quantile.
    total
        The sum of squared weights.
    n
        The square of the sum of weights.

    Notes
    -----
    The variance of a weighted share counts the weights on either side of the quantile; the effective number over all
    archs is its bound where weights and metric have nothing to do with each other.
    """
    local = taus * (1 - taus) * n / ((1 - taus) ** 2 * below + taus**2 * (total - below))
    return np.minimum(local, n / total)


def weighted_quantiles(
    values: NDArray[np.floating],
    weights: Doubles | None,
    taus: Sequence[float],
    whole: QuantileEstimate | None = None,
) -> QuantileEstimate:
    """Read quantiles off ascending values.

    Parameters
    ----------
    values
        Ascending, shape (n,), n at least 1.
    weights
        Their weights, or None for equal ones.
    whole
        The quantiles of the whole pool, which the values are compared with; None where these are its own.
    """
    n, tau = len(values), np.asarray(taus, np.float64)
    standard = np.full(len(tau), np.nan, values.dtype) if whole is None else whole.values.astype(values.dtype)
    under, upto = np.searchsorted(values, standard, "left"), np.searchsorted(values, standard, "right")
    if weights is None:
        m = np.full(len(tau), float(n))
        places = np.ceil(tau * n - 1e-9).astype(np.int64) - 1
        low, high = rank_bounds(taus, m)
        lows, highs = np.floor(low * n), np.ceil(high * n) - 1
        shares = under / n, upto / n
    else:
        cumulative, squares = np.cumsum(weights), np.cumsum(weights**2)
        mass = float(cumulative[-1])
        places = np.searchsorted(cumulative, tau * mass * (1 - 1e-12))
        m = shared_n(tau, squares[np.minimum(places, n - 1)], float(squares[-1]), mass**2)
        low, high = rank_bounds(taus, m)
        lows = np.searchsorted(cumulative, low * mass, "right").astype(np.float64)
        highs = np.searchsorted(cumulative, high * mass, "left").astype(np.float64)
        sums = np.concatenate([[0.0], cumulative]) / mass
        shares = sums[under], sums[upto]
    bounded = [np.where(np.isfinite(share), rank, 0.0) for share, rank in ((low, lows), (high, highs))]
    picked = values[np.clip([places, *bounded], 0, n - 1).astype(np.int64)].astype(np.float64)
    return QuantileEstimate(
        picked[0],
        np.where(np.isfinite(low), picked[1], -np.inf),
        np.where(np.isfinite(high), picked[2], np.inf),
        m,
        *shares,
    )


def stack_estimates(cells: Sequence[QuantileEstimate]) -> QuantileEstimate:
    """Put the estimates of several cells together: arrays of shape (n_cells, n_taus)."""
    names = QuantileEstimate.__dataclass_fields__
    return QuantileEstimate(*(np.stack([getattr(cell, name) for cell in cells]) for name in names))


def contrast_quantiles(cell: QuantileEstimate, whole: QuantileEstimate, taus: Sequence[float]) -> QuantileContrast:
    """Compare the quantiles of cells, stacked or of one, with those of the whole pool, of which they are parts.

    Returns
    -------
    The p-value is below 0.05 exactly where the 95 % interval leaves out 0.

    Notes
    -----
    If the cell's quantile is the whole's, the cell's archs below that are binomial(m, tau): the p-value asks how
    many there are, and the interval inverts that test. Where the whole's own error, less what both share, adds to the
    cell's, the distances are put together as by Zou and Donner (Statistics in Medicine 27, 2008), and the p-value is no
    smaller than what they give.
    """
    from scipy.special import ndtr

    tau = np.asarray(taus, np.float64)
    effects = cell.values - whole.values
    # The covariance of the two shares below the quantiles, as a part of its greatest.
    common = [(np.minimum(tau, share) - tau * share) / (tau * (1 - tau)) for share in (cell.under, cell.upto)]
    shared = np.clip(np.minimum(*common), 0.0, 1.0) * np.sqrt(np.minimum(cell.m / whole.m, 1.0))
    below = _distance(cell.values - cell.low, whole.high - whole.values, shared)
    above = _distance(cell.high - cell.values, whole.values - whole.low, shared)
    is_more = effects > 0
    tail = np.where(
        is_more,
        binomial_below(cell.m * cell.upto, cell.m, tau),
        binomial_below(cell.m * (1 - cell.under), cell.m, 1 - tau),
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.abs(effects) / np.where(is_more, below, above)
    p_value = np.minimum(1.0, 2 * np.maximum(tail, ndtr(-Z95 * np.nan_to_num(score, posinf=np.inf))))
    return QuantileContrast(effects, below, above, np.where(effects == 0, 1.0, p_value))


def _distance(own: Doubles, other: Doubles, shared: Doubles) -> Doubles:
    """Put the distances of two bounds together; never nearer than the cell's own, infinite where either is."""
    is_bounded = np.isfinite(own) & np.isfinite(other)
    a, b = np.where(is_bounded, own, 0.0), np.where(is_bounded, other, 0.0)
    return np.where(is_bounded, np.sqrt(a * a + np.maximum(0.0, b * b - 2 * shared * a * b)), np.inf)
