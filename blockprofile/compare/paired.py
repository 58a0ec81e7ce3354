"""Statistics of paired seeds: differences with intervals, tests, effect sizes; how much sooner a level is reached."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CONFIDENCE = 0.95
FEWEST = 2
"""Pairs that an interval needs."""


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired comparison of ``n`` seeds: ours less theirs.

    ``difference`` with its 95 % interval by Student's t; ``p_t`` of the paired t-test, ``p_wilcoxon`` of the exact
    signed-rank test; ``effect_size`` is Hedges' g of the differences (their mean over their deviation, corrected
    for small n), ``rank_biserial`` the share of ranks in favour of ours less the share against. NaN where there
    are too few pairs.
    """

    n: int
    ours: float
    theirs: float
    difference: float
    ci_low: float
    ci_high: float
    p_t: float
    p_wilcoxon: float
    effect_size: float
    rank_biserial: float


def compare_paired(ours: Floats, theirs: Floats) -> Paired:
    """Compare two values per seed; pairs with a NaN are left out.

    Parameters
    ----------
    ours, theirs
        float64, shape (n,).

    Notes
    -----
    With equal differences throughout, the interval has no width, the t-test's p is 0 (or 1 if they are all 0) and
    the effect size is infinite (or 0).

    References
    ----------
    Hedges, "Distribution theory for Glass's estimator of effect size", 1981. Kerby, "The simple difference
    formula", 2014.

    Examples
    --------
    >>> found = compare_paired(np.array([2.0, 3.0, 4.0]), np.array([1.0, 1.0, 1.0]))
    >>> found.difference, round(found.p_t, 3), found.p_wilcoxon, found.rank_biserial
    (2.0, 0.074, 0.25, 1.0)
    """
    known = np.isfinite(ours) & np.isfinite(theirs)
    mine, other = ours[known], theirs[known]
    n = len(mine)
    nan = math.nan
    if n == 0:
        return Paired(0, nan, nan, nan, nan, nan, nan, nan, nan, nan)
    differences = mine - other
    mean = float(differences.mean())
    means = float(mine.mean()), float(other.mean())
    if n < FEWEST:
        return Paired(n, *means, mean, nan, nan, nan, nan, nan, nan)
    from scipy.stats import t, wilcoxon

    deviation = float(differences.std(ddof=1))
    # Differences that are equal but for rounding have no spread that a test could use.
    if deviation <= 1e-12 * max(abs(mean), float(np.abs(mine).max())):
        deviation = 0.0
    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * deviation / math.sqrt(n)
    if deviation > 0:
        score = mean / (deviation / math.sqrt(n))
        p_t = float(2 * t.sf(abs(score), n - 1))
        effect = mean / deviation * (1 - 3 / (4 * (n - 1) - 1))
    else:
        p_t, effect = (0.0, math.copysign(math.inf, mean)) if mean else (1.0, 0.0)
    nonzero = differences[differences != 0]
    p_wilcoxon = float(wilcoxon(nonzero).pvalue) if len(nonzero) else 1.0
    return Paired(n, *means, mean, mean - half, mean + half, p_t, p_wilcoxon, effect, _rank_biserial(differences))


def _rank_biserial(differences: Floats) -> float:
    from scipy.stats import rankdata

    nonzero = differences[differences != 0]
    if len(nonzero) == 0:
        return 0.0
    ranks = rankdata(np.abs(nonzero))
    return float((ranks * np.sign(nonzero)).sum() / ranks.sum())


def adjust_holm(p_values: Floats) -> Floats:
    """Adjust p-values of several comparisons by Holm's method; NaN stay.

    Examples
    --------
    >>> adjust_holm(np.array([0.01, 0.04, 0.03, np.nan])).round(4).tolist()
    [0.03, 0.06, 0.06, nan]
    """
    # That of statsmodels collects all garbage at every call: thousands of times what the adjustment takes.
    order = np.argsort(p_values, kind="stable")[: np.isfinite(p_values).sum()]
    adjusted = np.full(len(p_values), np.nan)
    left = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p_values[order] * left), 1.0)
    return adjusted


def first_reached(curve: Floats, ends: NDArray[np.int64], level: float) -> float:
    """Return after how many evaluations a rising curve reaches a level; inf if it never does.

    Examples
    --------
    >>> first_reached(np.array([1.0, 2.0, 3.0]), np.array([10, 20, 30]), 2.0)
    20.0
    """
    place = int(np.searchsorted(curve, level - 1e-12 * abs(level)))
    return float(ends[place]) if place < len(curve) else math.inf


@dataclass(frozen=True, slots=True)
class Sooner:
    """How much sooner ours reaches the level that theirs ends with, seed by seed.

    ``factor`` is the geometric mean over seeds of theirs' evaluations by ours, with its 95 % interval by Student's
    t of the logarithms. ``n_reached`` of ``n`` seeds reach the level; if some do not, they count as if they did
    with their last evaluation, so ``factor`` is an upper bound, without interval. ``evaluations`` is the (lower)
    median that ours needs, inf if fewer than half of the seeds reach the level.
    """

    n: int
    n_reached: int
    factor: float
    ci_low: float
    ci_high: float
    evaluations: float

    @property
    def words(self) -> str:
        """Say it in words."""
        if self.n == 0:
            return "has nothing to reach: the original ends with no hypervolume"
        is_later = self.factor < 1
        pace = f"{1 / self.factor:.1f} times later" if is_later else f"{self.factor:.1f} times sooner"
        if self.n_reached < self.n:
            bound = f": at {'least' if is_later else 'most'} {pace}" if self.n_reached else ""
            return f"reaches it in {self.n_reached} of {self.n} seeds{bound}"
        low, high = (1 / self.ci_high, 1 / self.ci_low) if is_later else (self.ci_low, self.ci_high)
        interval = f", 95 % interval {low:.1f}-{high:.1f}" if math.isfinite(low) else ""
        return f"reaches it {pace}{interval}"


def compare_speed(ours: Floats, theirs: Floats, *, budget: int) -> Sooner:
    """Compare the evaluations that each seed needs.

    Parameters
    ----------
    ours, theirs
        float64, shape (n,): evaluations until the level; inf where it is never reached. ``theirs`` is finite.
    budget
        The evaluations of each search.

    Examples
    --------
    >>> compare_speed(np.array([100.0, 200.0]), np.array([400.0, 800.0]), budget=1000).words
    'reaches it 4.0 times sooner, 95 % interval 4.0-4.0'
    """
    reached = np.isfinite(ours)
    n, n_reached = len(ours), int(reached.sum())
    if n == 0:
        return Sooner(0, 0, math.nan, math.nan, math.nan, math.inf)
    middle = float(np.sort(ours)[(n - 1) // 2])
    logs = np.log(theirs / np.where(reached, ours, budget))
    mean = float(logs.mean())
    if n_reached < n or n < FEWEST:
        return Sooner(n, n_reached, math.exp(mean), math.nan, math.nan, middle)
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, n - 1)) * float(logs.std(ddof=1)) / math.sqrt(n)
    return Sooner(n, n_reached, math.exp(mean), math.exp(mean - half), math.exp(mean + half), middle)
