"""The law of the first generation: the space's own, or within a limit where one is set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import LimitedSampler, feasible_range
from blockprofile.errors import InfeasibleError
from blockprofile.predict import AdditivePredictor, Evaluator
from blockprofile.search.constraints import Constraint
from blockprofile.search.problem import Problem
from blockprofile.search.reference import reference_archs
from blockprofile.space import INACTIVE, Archs, Factor, Law, draw_archs

__all__ = ["InitialPool", "additive_fit", "make_initial_pool"]

Factors = tuple[Factor, ...]

N_TRIAL = 2_048
"""Archs by which the tightest of several limits is told."""

MARGIN = 0.02
"""The share of a fitted sum's range that a tightened limit leaves at least."""

RIDGE = 1e-4
"""Of the additive fit, relative to the number of archs: it decides nothing but collinear columns."""


class InitialPool:
    """Draw archs to start from.

    Parameters
    ----------
    problem
        Whose space is drawn from.
    law
        The law of the archs, given that they keep the limit.
    constraint, factors
        A limit, and the sum that it is on; without them the whole space is drawn from.

    Raises
    ------
    InfeasibleError
        If no arch keeps the limit; the message gives the feasible range.
    """

    def __init__(
        self, problem: Problem, *, law: Law = "papers", constraint: Constraint | None = None, factors: Factors = ()
    ) -> None:
        self._space, self._law = problem.space, law
        self._sampler: LimitedSampler | None = None
        if constraint is not None:
            sign = 1.0 if constraint.sense == "<=" else -1.0
            signed = tuple(Factor(factor.scope, sign * factor.table) for factor in factors)
            self._sampler = LimitedSampler(self._space, signed, limit=sign * constraint.value, law=law)

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
    constraints = [constraint for constraint in problem.constraints if constraint.metric not in problem.own]
    if not constraints:
        return InitialPool(problem, law=law)
    trial = draw_archs(problem.space, N_TRIAL, np.random.default_rng(0), law=law)
    predictors = [problem.predictor(metric) for metric in dict.fromkeys(each.metric for each in constraints)]
    values = Evaluator(problem.space, predictors)(trial)
    kept = [int((constraint.violation(values) == 0).sum()) for constraint in constraints]
    pools = [_pool_within(problem, constraint, law) for constraint in constraints]
    return pools[int(np.argmin(kept))]


def _pool_within(problem: Problem, constraint: Constraint, law: Law) -> InitialPool:
    predictor = problem.predictor(constraint.metric)
    if isinstance(predictor, AdditivePredictor):
        low, high = feasible_range(problem.space, predictor.factors)
        _refuse(problem, constraint, low, high)
        return InitialPool(problem, law=law, constraint=constraint, factors=predictor.factors)
    archs = reference_archs(problem.space)
    drawn = draw_archs(problem.space, N_TRIAL, np.random.default_rng(1), law=law)
    archs = np.concatenate([drawn, archs[problem.space.contains(archs)]])
    values = predictor.predict(archs).astype(np.float64)
    factors, error = additive_fit(problem, archs, values)
    low, high = feasible_range(problem.space, factors)
    ends = predictor.predict(np.concatenate([_extreme_arch(problem, factors, sign) for sign in (1.0, -1.0)]))
    _refuse(problem, constraint, min(values.min(), float(ends.min())), max(values.max(), float(ends.max())))
    sign = 1.0 if constraint.sense == "<=" else -1.0
    least = low + MARGIN * (high - low) if sign > 0 else high - MARGIN * (high - low)
    limit = sign * max(sign * constraint.value - error, sign * least)
    moved = Constraint(constraint.metric, constraint.sense, limit)
    return InitialPool(problem, law=law, constraint=moved, factors=factors)


def _extreme_arch(problem: Problem, factors: Factors, sign: float) -> Archs:
    """Draw an arch at the low end of a sum, or at its high end if ``sign`` is -1: uint8, shape (1, n_slots)."""
    signed = tuple(Factor(factor.scope, sign * factor.table) for factor in factors)
    low, high = feasible_range(problem.space, signed)
    sampler = LimitedSampler(problem.space, signed, limit=low + 1e-4 * (high - low))
    return sampler.draw(1, np.random.default_rng(0))


def _refuse(problem: Problem, constraint: Constraint, low: float, high: float) -> None:
    best = np.array([low if constraint.sense == "<=" else high], np.float32)
    if constraint.violation({constraint.metric: best})[0] > 0:
        predictor = problem.predictor(constraint.metric)
        unit, how = predictor.unit, "" if isinstance(predictor, AdditivePredictor) else "about "
        raise InfeasibleError(
            f"no arch of space {problem.space.name!r} keeps the limit {constraint.text}; "
            f"{constraint.metric} ranges from {how}{low:.6g} to {high:.6g} {unit}"
        )


def additive_fit(problem: Problem, archs: Archs, values: NDArray[np.float64]) -> tuple[Factors, float]:
    """Fit a sum over slots to values of a metric.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    values
        float64, shape (n,).

    Returns
    -------
    One factor for each slot and a constant; and the root mean square of what they miss.

    Notes
    -----
    Least squares with a small ridge, on one column for each slot and code.
    """
    space = problem.space
    columns, places = [np.ones(len(archs))], [(-1, 0)]
    for slot in space.slots:
        for code in (*range(slot.n_choices), *((INACTIVE,) if slot.kind == "layer" else ())):
            columns.append((archs[:, slot.index] == code).astype(np.float64))
            places.append((slot.index, min(code, slot.n_choices)))
    design = np.stack(columns, axis=1)
    ridge = RIDGE * len(archs) * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    solution = np.linalg.solve(design.T @ design + ridge, design.T @ values)
    tables = [np.zeros(slot.n_choices + (slot.kind == "layer")) for slot in space.slots]
    for (slot_index, code), value in zip(places[1:], solution[1:], strict=True):
        tables[slot_index][code] = value
    factors = (Factor((), np.array(solution[0])), *(Factor((i,), table) for i, table in enumerate(tables)))
    error = float(np.sqrt(np.mean((design @ solution - values) ** 2)))
    return factors, error
