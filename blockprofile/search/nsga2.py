"""Weighted NSGA-II over archs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.search.algorithm import collect_fresh, draw_fresh
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.codes import CodeTable
from blockprofile.search.crossover import Crossover
from blockprofile.search.initial import InitialPool
from blockprofile.search.mutation import Mutation, UniformMutation
from blockprofile.search.selection import binary_tournament
from blockprofile.search.survival import Survivors, rank_and_crowding
from blockprofile.space import Archs

Ints = NDArray[np.int64]
Select = Callable[[NDArray[np.int32], NDArray[np.float64], int, np.random.Generator], Ints]
Survive = Callable[[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], int], Survivors]


@dataclass(frozen=True, slots=True, kw_only=True)
class NSGA2:
    """NSGA-II with MoGA's weighted crowding distance; every part can be replaced.

    Parameters
    ----------
    population
        Archs that survive a generation, and that a generation evaluates; at least 2.
    crossover, mutation, select, survive
        The operators: `Crossover`, `UniformMutation` or `HierarchicalMutation`, `binary_tournament`,
        `rank_and_crowding`, or any callable of the same form.

    Raises
    ------
    OptionError
        If ``population`` is below 2.

    Notes
    -----
    Limits act by constrained dominance: feasible archs before infeasible ones, these by how much they break
    the limits. No arch is evaluated twice in a search.

    References
    ----------
    Deb et al., "A fast and elitist multiobjective genetic algorithm: NSGA-II", 2002; Chu et al., "MoGA:
    Searching Beyond MobileNetV3", ICASSP 2020, equations 3 and 4.
    """

    population: int = 100
    crossover: Crossover = field(default_factory=Crossover)
    mutation: Mutation = field(default_factory=UniformMutation)
    select: Select = binary_tournament
    survive: Survive = rank_and_crowding

    def __post_init__(self) -> None:
        if self.population < 2:
            raise OptionError(f"population {self.population} is too small; it must be at least 2")

    @property
    def name(self) -> str:
        """The name that the user gives."""
        return "nsga2"

    def default_budget(self, n_goals: int) -> int:
        """Return as many evaluations as BlockProfile's random mutation takes."""
        return 2_100 if n_goals > 1 else 220

    def describe(self) -> dict[str, Any]:
        """Describe the parameters in plain values, for a manifest."""
        return {
            "population": self.population,
            "crossover": self.crossover.describe(),
            "mutation": self.mutation.describe(),
            "select": _name(self.select),
            "survive": _name(self.survive),
        }

    def start(self, archive: Archive, initial: InitialPool) -> _NSGA2Searcher:
        """Make a searcher."""
        return _NSGA2Searcher(self, archive, initial)


def _name(part: object) -> str:
    return str(getattr(part, "__name__", type(part).__name__))


class _NSGA2Searcher:
    def __init__(self, config: NSGA2, archive: Archive, initial: InitialPool) -> None:
        self._config, self._archive, self._initial = config, archive, initial
        table = CodeTable.of(archive.problem.space)
        self._cross, self._mutate = config.crossover.bind(table), config.mutation.bind(table)
        self._population: Ints = np.zeros(0, np.int64)
        self._ranks, self._distances = np.zeros(0, np.int32), np.zeros(0)

    @property
    def last_word(self) -> str:
        return f"no new arch was found after {len(self._archive)} evaluations"

    def ask(self, at_most: int, rng: np.random.Generator) -> Proposal:
        n = min(self._config.population, at_most)
        if not len(self._population):
            return Proposal(draw_fresh(self._archive, self._initial, n, rng))

        def breed(count: int) -> tuple[Archs, Ints]:
            chosen = self._config.select(self._ranks, self._distances, 2 * count, rng)
            parents = self._population[chosen].reshape(2, count)
            first, second = self._archive.archs[parents]
            return self._mutate(self._cross(first, second, rng), rng), parents.T

        archs, origin = collect_fresh(self._archive, n, breed)
        if len(archs) == 0:
            # The population's offspring are used up: go on with archs of the initial law.
            return Proposal(draw_fresh(self._archive, self._initial, n, rng))
        return Proposal(archs, origin[:, 0], origin[:, 1])

    def tell(self, new: Ints) -> None:
        archive = self._archive
        pool = np.concatenate([self._population, new])
        points, violations = archive.points[pool], archive.violations[pool]
        left = self._config.survive(points, violations, archive.problem.weights, self._config.population)
        self._learn(new, left.candidate_ranks)
        self._population, self._ranks, self._distances = pool[left.places], left.ranks, left.distances

    def _learn(self, new: Ints, candidate_ranks: NDArray[np.int32]) -> None:
        parents = self._archive.parent[new]
        bred = parents >= 0
        if not bred.any():
            return
        ranks = candidate_ranks[len(candidate_ranks) - len(new) :][bred]
        merit = 1.0 - ranks / max(1, int(candidate_ranks.max()))
        archs = self._archive.archs
        self._mutate.learn(archs[parents[bred]], archs[new[bred]], merit)
