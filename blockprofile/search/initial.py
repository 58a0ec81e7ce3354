"""The law of the first generation: the space's own, or within a limit where one is set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from blockprofile.additive import LimitedSampler, feasible_range, fit_factors
from blockprofile.errors import InfeasibleError
from blockprofile.predict import AdditivePredictor, Evaluator
from blockprofile.run import Limit
from blockprofile.search.problem import Problem
from blockprofile.search.reference import reference_archs
from blockprofile.space import Archs, CompiledSum, Factor, Law, draw_archs

Factors = tuple[Factor, ...]

N_TRIAL = 2_048
"""Archs by which the tightest of several limits is told."""

MARGIN = 0.02
"""The share of a fitted sum's range that a tightened limit leaves at least."""


class InitialPool:
    """Draw archs to start from.

    Parameters
    ----------
    law
        The law of the archs, given that they keep the limit.
    limit, factors
        A limit, and the sum that it is on; without them the whole space is drawn from.

    Raises
    ------
    InfeasibleError
        If no arch keeps the limit; the message gives the feasible range.
    """

    def __init__(
        self, problem: Problem, *, law: Law = "papers", limit: Limit | None = None, factors: Factors = ()
    ) -> None:
        self._space, self._law = problem.space, law
        self._sampler: LimitedSampler | None = None
        if limit is not None:
            is_lower = limit.sense == ">="
            self._sampler = LimitedSampler(self._space, factors, limit=limit.value, law=law, is_lower=is_lower)

    def draw(self, n: int, rng: np.random.Generator) -> Archs:
        """Draw archs: uint8, shape (n, n_slots), with repetition."""
        if self._sampler is None:
            return draw_archs(self._space, n, rng, law=self._law)
        return self._sampler.draw(n, rng)


def make_initial_pool(problem: Problem, *, law: Law = "papers") -> InitialPool:
    """Make the law of the first generation for a problem.

    A limit on a sum over operators is met by every arch that is drawn. For another metric, a sum over slots
    is fitted to its values and the draw keeps the limit of that sum, tightened by the fit's error, so most archs
    keep the true one. Of several limits the one that fewest archs keep is
    treated so; all of them act on the search by constrained dominance. A limit on a user's own predictor does nothing
    else: that predictor is not asked for archs beyond the search's budget.

    Raises
    ------
    InfeasibleError
        If a limit can be met by no arch. For a metric that is no sum, by none of `reference_archs` and the
        archs that are extreme by the fit.
    """
    limits = [limit for limit in problem.limits if limit.metric not in problem.costly]
    if not limits:
        return InitialPool(problem, law=law)
    trial = draw_archs(problem.space, N_TRIAL, np.random.default_rng(0), law=law)
    predictors = [problem.predictor(metric) for metric in dict.fromkeys(each.metric for each in limits)]
    values = Evaluator(problem.space, predictors)(trial)
    kept = [int((limit.violation(values) == 0).sum()) for limit in limits]
    pools = [_pool_within(problem, limit, law) for limit in limits]
    return pools[int(np.argmin(kept))]


def _pool_within(problem: Problem, limit: Limit, law: Law) -> InitialPool:
    predictor = problem.predictor(limit.metric)
    if isinstance(predictor, AdditivePredictor):
        low, high = feasible_range(problem.space, predictor.factors)
        _refuse(problem, limit, low, high)
        return InitialPool(problem, law=law, limit=limit, factors=predictor.factors)
    archs = reference_archs(problem.space)
    drawn = draw_archs(problem.space, N_TRIAL, np.random.default_rng(1), law=law)
    archs = np.concatenate([drawn, archs[problem.space.contains(archs)]])
    values = predictor.predict(archs).astype(np.float64)
    factors = fit_factors(problem.space, archs, values)
    error = float(np.sqrt(np.mean((CompiledSum(problem.space, [factors])(archs)[0] - values) ** 2)))
    low, high = feasible_range(problem.space, factors)
    ends = predictor.predict(np.concatenate([_extreme_arch(problem, factors, is_high=end) for end in (False, True)]))
    _refuse(problem, limit, min(values.min(), float(ends.min())), max(values.max(), float(ends.max())))
    sign = 1.0 if limit.sense == "<=" else -1.0
    least = low + MARGIN * (high - low) if sign > 0 else high - MARGIN * (high - low)
    moved = replace(limit, value=sign * max(sign * limit.value - error, sign * least))
    return InitialPool(problem, law=law, limit=moved, factors=factors)


def _extreme_arch(problem: Problem, factors: Factors, *, is_high: bool) -> Archs:
    """Draw an arch at the low end of a sum, or at its high end: uint8, shape (1, n_slots)."""
    low, high = feasible_range(problem.space, factors)
    limit = high - 1e-4 * (high - low) if is_high else low + 1e-4 * (high - low)
    sampler = LimitedSampler(problem.space, factors, limit=limit, is_lower=is_high)
    return sampler.draw(1, np.random.default_rng(0))


def _refuse(problem: Problem, limit: Limit, low: float, high: float) -> None:
    best = np.array([low if limit.sense == "<=" else high], np.float32)
    if limit.violation({limit.metric: best})[0] > 0:
        predictor = problem.predictor(limit.metric)
        unit, how = predictor.unit, "" if isinstance(predictor, AdditivePredictor) else "about "
        raise InfeasibleError(
            f"no arch of space {problem.space.name!r} keeps the limit {limit.text}; "
            f"{limit.metric} ranges from {how}{low:.6g} to {high:.6g} {unit}"
        )
