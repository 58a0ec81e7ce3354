"""Exact fronts of additive goals: every arch of the space is taken into account, by dynamic programming.

The space is walked slot by slot. For every state that later costs still depend on, the partial sums that no
other dominates are kept: what is dominated there can never become part of the front.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Chain, build_chain
from blockprofile.errors import CoverageError, OptionError
from blockprofile.predict import AdditivePredictor
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.initial import InitialPool
from blockprofile.search.objectives import Objective
from blockprofile.search.problem import Problem
from blockprofile.search.sorting import nondominated
from blockprofile.space import INACTIVE, Archs, Factor, Space

MAX_POINTS = 1_000_000
"""Partial sums kept at one slot; several metrics that hardly agree can have fronts that no memory holds."""

BITS = 40
"""Sums are compared to 2^-40 of their largest, so that the order of adding does not tell equal ones apart."""

Floats = NDArray[np.float64]


def minimal_sums(
    space: Space, sums: Sequence[Sequence[Factor]], *, max_points: int = MAX_POINTS
) -> tuple[Archs, Floats]:
    """Find the archs whose sums of factors no other arch of the space dominates.

    Parameters
    ----------
    sums
        The factors of each sum to be minimised.
    max_points
        How many partial sums may be kept at one slot.

    Returns
    -------
    Archs, uint8 of shape (n, n_slots), one for each point of the front; and the points, float64 of shape
    (n, n_sums), rounded to 1e-12 of the largest that a sum may be. They are ordered by the first sum, and no two
    points are equal.

    Raises
    ------
    OptionError
        If more partial sums than ``max_points`` are needed, or factors couple too many slots.

    Notes
    -----
    With p partial sums at a slot of k choices, O(k p log p) for up to three sums. Exact but for rounding.
    """
    chain = build_chain(space, sums)
    grid = _grid(chain)
    fronts = [(np.full((1, space.n_slots), INACTIVE, np.uint8), np.zeros((1, len(sums))))]
    for step in chain.steps:
        grown: list[list[tuple[Archs, Floats]]] = [[] for _ in range(step.n_targets)]
        for move in range(len(step.source)):
            archs, costs = fronts[int(step.source[move])]
            extended = archs.copy()
            code = int(step.code[move])
            extended[:, step.slot.index] = code if code < step.slot.n_choices else INACTIVE
            grown[int(step.target[move])].append((extended, costs + step.cost[:, move]))
        fronts = [_prune(parts, grid) for parts in grown]
        kept = sum(len(archs) for archs, _ in fronts)
        if kept > max_points:
            raise OptionError(
                f"the exact front needs {kept:,} partial sums at slot {step.slot.name!r}, more than {max_points:,}; "
                "take fewer objectives and limits, or a pruned space"
            )
    archs, costs = _prune([front for front in fronts if len(front[0])], grid)
    order = np.lexsort(costs.T[::-1])
    return np.ascontiguousarray(archs[order]), _constant(chain) + costs[order]


def _constant(chain: Chain) -> Floats:
    return chain.constant[None, :]


def _grid(chain: Chain) -> Floats:
    """Return what each sum is rounded to: a power of two, so that the rounding itself is exact."""
    largest = np.sum([np.abs(step.cost).max(axis=1) for step in chain.steps], axis=0)
    return np.asarray(np.exp2(np.ceil(np.log2(np.where(largest > 0, largest, 1.0))) - BITS), np.float64)


def _prune(parts: Sequence[tuple[Archs, Floats]], grid: Floats) -> tuple[Archs, Floats]:
    archs = np.concatenate([part[0] for part in parts])
    costs = np.rint(np.concatenate([part[1] for part in parts]) / grid) * grid
    kept = nondominated(costs)
    return archs[kept], costs[kept]


def exact_front(problem: Problem, *, max_points: int = MAX_POINTS) -> Archs:
    """Find the true front of a problem whose goals and limits all add up over operators.

    Returns
    -------
    uint8, shape (n, n_slots): one arch for each point of the front, ordered by the first goal; none if no
    arch keeps the limits.

    Raises
    ------
    CoverageError
        If a goal or limit is no sum over operators.
    OptionError
        As `minimal_sums`.
    """
    signed: dict[tuple[str, float], tuple[Factor, ...]] = {}
    for goal in problem.goals:
        if not isinstance(goal, Objective):
            raise CoverageError(
                f"--algorithm exact: {goal.name} is no sum over operators; search with nsga2 or mutation"
            )
        sign = -1.0 if goal.direction == "max" else 1.0
        signed[goal.metric, sign] = _signed_factors(problem, goal.metric, sign)
    for limit in problem.limits:
        sign = 1.0 if limit.sense == "<=" else -1.0
        signed.setdefault((limit.metric, sign), _signed_factors(problem, limit.metric, sign))
    archs, _ = minimal_sums(problem.space, list(signed.values()), max_points=max_points)
    if not problem.limits:
        return archs
    values = problem.evaluate(archs)
    archs = archs[problem.violations(values, len(archs)) <= 0]
    return archs[nondominated(problem.points(problem.evaluate(archs)))] if len(archs) else archs


def _signed_factors(problem: Problem, metric: str, sign: float) -> tuple[Factor, ...]:
    predictor = problem.predictor(metric)
    if not isinstance(predictor, AdditivePredictor):
        raise CoverageError(
            f"--algorithm exact: the predictor of {metric!r} is no sum over operators; search with nsga2 or mutation"
        )
    return tuple(Factor(factor.scope, sign * factor.table) for factor in predictor.factors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """The true front as an algorithm: it evaluates the archs of the front and nothing else."""

    max_points: int = MAX_POINTS

    @property
    def name(self) -> str:
        """The name that the user gives."""
        return "exact"

    def default_budget(self, n_goals: int) -> int:
        """Return as many evaluations as a front may have points."""
        del n_goals
        return self.max_points

    def describe(self) -> dict[str, Any]:
        """Describe the parameters in plain values, for a manifest."""
        return {"max_points": self.max_points}

    def start(self, archive: Archive, initial: InitialPool) -> _ExactSearcher:
        """Make a searcher."""
        del initial
        return _ExactSearcher(archive, self.max_points)


class _ExactSearcher:
    def __init__(self, archive: Archive, max_points: int) -> None:
        self._archive, self._max_points = archive, max_points

    @property
    def last_word(self) -> str:
        return "" if len(self._archive) else "no arch of the space keeps all limits"

    def ask(self, at_most: int, rng: np.random.Generator) -> Proposal:
        del rng
        if len(self._archive):
            return Proposal(self._archive.archs[:0])
        return Proposal(exact_front(self._archive.problem, max_points=self._max_points)[:at_most])

    def tell(self, new: NDArray[np.int64]) -> None:
        """Keep nothing: the archive has the front."""
