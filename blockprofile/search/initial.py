"""The law of the first generation: the space's own, or within a limit where one is set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from blockprofile.errors import InfeasibleError
from blockprofile.predict.base import AdditivePredictor
from blockprofile.search.constraints import Constraint
from blockprofile.search.problem import Problem
from blockprofile.space import Archs, Factor, Law, Space, draw_archs

__all__ = ["InitialPool", "make_initial_pool"]

N_TRIAL = 2_048
"""Archs by which the tightest of several limits is told."""


class InitialPool:
    """Draw archs to start from.

    Parameters
    ----------
    space
        The space.
    constraint, factors
        A limit on a sum over factors that every arch keeps; None for no limit.
    law
        The law of the archs, given that they keep the limit.
    """

    def __init__(
        self,
        space: Space,
        *,
        constraint: Constraint | None = None,
        factors: Sequence[Factor] = (),
        law: Law = "papers",
    ) -> None:
        self._space, self._law = space, law
        self._limit: float | None = None
        self._factors: tuple[Factor, ...] = ()
        if constraint is not None:
            sign = 1.0 if constraint.sense == "<=" else -1.0
            self._limit = sign * constraint.value
            self._factors = tuple(Factor(factor.scope, sign * factor.table) for factor in factors)

    def draw(self, n: int, rng: np.random.Generator) -> Archs:
        """Draw archs: uint8, shape (n, n_slots), with repetition.

        Raises
        ------
        InfeasibleError
            If no arch keeps the limit; the message gives the feasible range.
        """
        if self._limit is None:
            return draw_archs(self._space, n, rng, law=self._law)
        from blockprofile.profile.distribution import draw_under_limit

        return draw_under_limit(self._space, n, rng, self._factors, self._limit, law=self._law)


def make_initial_pool(problem: Problem, *, law: Law = "papers") -> InitialPool:
    """Make the law of the first generation for a problem.

    Of several limits on sums over operators, the one that fewest archs keep is met by construction; the others,
    and limits on metrics that are no such sums, act on the search by constrained dominance from then on.

    Raises
    ------
    InfeasibleError
        If a limit on a sum over operators can be met by no arch of the space.
    """
    space = problem.space
    additive = []
    for constraint in problem.constraints:
        predictor = problem.predictor(constraint.metric)
        if isinstance(predictor, AdditivePredictor):
            _refuse_impossible(space, constraint, predictor)
            additive.append((constraint, predictor))
    if not additive:
        return InitialPool(space, law=law)
    trial = draw_archs(space, N_TRIAL, np.random.default_rng(0), law=law)
    kept = [
        int((constraint.violation({constraint.metric: predictor.predict(trial)}) == 0).sum())
        for constraint, predictor in additive
    ]
    constraint, predictor = additive[int(np.argmin(kept))]
    return InitialPool(space, constraint=constraint, factors=predictor.factors, law=law)


def _refuse_impossible(space: Space, constraint: Constraint, predictor: AdditivePredictor) -> None:
    from blockprofile.profile.distribution import feasible_range

    low, high = feasible_range(space, predictor.factors)
    best = np.array([low if constraint.sense == "<=" else high], np.float32)
    if constraint.violation({constraint.metric: best})[0] > 0:
        raise InfeasibleError(
            f"no arch of space {space.name!r} keeps the limit {constraint.text}; "
            f"{constraint.metric} ranges from {low:.6g} to {high:.6g} {predictor.unit}"
        )
