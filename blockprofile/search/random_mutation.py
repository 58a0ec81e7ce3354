"""BlockProfile's search by random mutation, and plain random search as the yardstick of both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.search.algorithm import collect_fresh, draw_fresh
from blockprofile.search.archive import Archive, Proposal
from blockprofile.search.codes import CodeTable
from blockprofile.search.edits import UnitEdits
from blockprofile.search.initial import InitialPool
from blockprofile.search.sorting import nondominated
from blockprofile.space import Archs

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomMutation:
    """Mutate the best archs at random, keep the best, repeat.

    With several goals the best are the front; with one, the ``top`` archs. Each of them has as many children, by
    one more or less; a child is a `UnitEdits` of it: in every unit that is drawn, a layer is inserted, removed, or
    its block swapped. An arch is never evaluated twice. When fewer new archs are found than wanted, all edits of
    single units of the best are listed; when nothing is left of them, the search ends and says so.

    Parameters
    ----------
    pool
        Archs drawn at the start. None means 100, and 20 with a single goal.
    children
        Archs made in each iteration. None means 200, and 50 with a single goal.
    top
        How many archs are kept with a single goal.
    chance
        The chance that a unit is edited; those of less weight have less of it.
    weights
        Unit number -> mutation weight; None takes those of a pruned space.

    Raises
    ------
    OptionError
        If a number is below 1, or the chance is not above 0 and at most 1.

    References
    ----------
    Mills et al., "Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search", CIKM 2021,
    section 4: 100 + 10 x 200 evaluations for fronts, 20 + 4 x 50 for maximal accuracy, keeping the top 10. The chance
    of 0.5, and 0.25 for the first three units of the NPU's spaces, is that of the published code.
    """

    pool: int | None = None
    children: int | None = None
    top: int = 10
    chance: float = 0.5
    weights: Mapping[int, float] | None = None

    def __post_init__(self) -> None:
        for name in ("pool", "children", "top"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise OptionError(f"{name} is {value}; it must be at least 1")
        if not 0 < self.chance <= 1:
            raise OptionError(f"chance is {self.chance}; it must be above 0 and at most 1")

    @property
    def name(self) -> str:
        """The name that the user gives."""
        return "mutation"

    def default_budget(self, n_goals: int) -> int:
        """Return the paper's budgets: 100 + 10 x 200 for fronts, 20 + 4 x 50 for one goal."""
        return 2_100 if n_goals > 1 else 220

    def describe(self) -> dict[str, Any]:
        """Describe the parameters in plain values, for a manifest."""
        weights = None if self.weights is None else {str(unit): weight for unit, weight in self.weights.items()}
        numbers = {"pool": self.pool, "children": self.children, "top": self.top, "chance": self.chance}
        return {**numbers, "weights": weights}

    def start(self, archive: Archive, initial: InitialPool) -> _RandomMutationSearcher:
        """Make a searcher."""
        return _RandomMutationSearcher(self, archive, initial)


def front_of(archive: Archive, among: Ints) -> Ints:
    """Return those evaluations that no other of ``among`` dominates; without a feasible one, the least infeasible.

    Of equal points the earliest stands for all.
    """
    if len(among) == 0:
        return among
    violations = archive.violations[among]
    best = among[violations <= max(0.0, float(violations.min()))]
    return best[nondominated(archive.points[best])]


class _RandomMutationSearcher:
    def __init__(self, config: RandomMutation, archive: Archive, initial: InitialPool) -> None:
        self._archive, self._initial, self._top = archive, initial, config.top
        self._edit = UnitEdits(CodeTable.of(archive.problem.space), chance=config.chance, weights=config.weights)
        self._single = len(archive.problem.goals) == 1
        self._n_pool = config.pool or (20 if self._single else 100)
        self._n_children = config.children or (50 if self._single else 200)
        self._best: Ints = np.zeros(0, np.int64)

    @property
    def last_word(self) -> str:
        return (
            f"every arch that an edit of one unit of the {len(self._best)} best makes was evaluated; "
            f"the search ends after {len(self._archive)} evaluations"
        )

    def ask(self, at_most: int, rng: np.random.Generator) -> Proposal:
        if not len(self._best):
            return Proposal(draw_fresh(self._archive, self._initial, min(self._n_pool, at_most), rng))
        n = min(self._n_children, at_most)
        best = self._archive.archs[self._best]

        def edit(count: int) -> tuple[Archs, Ints]:
            rounds = -(-count // len(best))
            source = rng.permuted(np.tile(np.arange(len(best)), (rounds, 1)), axis=1).ravel()[:count]
            return self._edit(best[source], rng), source

        archs, source = collect_fresh(self._archive, n, edit)
        if len(archs) < n:
            archs, source = self._take_neighbours(best, n, rng)
        return Proposal(archs, self._best[source])

    def _take_neighbours(self, best: Archs, n: int, rng: np.random.Generator) -> tuple[Archs, Ints]:
        archs, source = self._edit.list_neighbours(best)
        fresh = np.flatnonzero(self._archive.seen.fresh(archs))
        chosen = rng.permutation(fresh)[:n]
        return np.ascontiguousarray(archs[chosen]), source[chosen]

    def tell(self, new: Ints) -> None:
        pool = np.concatenate([self._best, new])
        if not self._single:
            self._best = front_of(self._archive, pool)
            return
        values, violations = self._archive.points[pool, 0], self._archive.violations[pool]
        self._best = pool[np.lexsort((values, violations))[: self._top]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomSearch:
    """Draw archs from the law of the initial pool, without repetition.

    Parameters
    ----------
    batch
        Archs evaluated at a time, at least 1.

    Raises
    ------
    OptionError
        If ``batch`` is below 1.
    """

    batch: int = 100

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise OptionError(f"batch is {self.batch}; it must be at least 1")

    @property
    def name(self) -> str:
        """The name that the user gives."""
        return "random"

    def default_budget(self, n_goals: int) -> int:
        """Return the same as the other algorithms."""
        return 2_100 if n_goals > 1 else 220

    def describe(self) -> dict[str, Any]:
        """Describe the parameters in plain values, for a manifest."""
        return {"batch": self.batch}

    def start(self, archive: Archive, initial: InitialPool) -> _RandomSearcher:
        """Make a searcher."""
        return _RandomSearcher(self, archive, initial)


class _RandomSearcher:
    def __init__(self, config: RandomSearch, archive: Archive, initial: InitialPool) -> None:
        self._batch, self._archive, self._initial = config.batch, archive, initial

    @property
    def last_word(self) -> str:
        return f"no new arch was drawn after {len(self._archive)} evaluations"

    def ask(self, at_most: int, rng: np.random.Generator) -> Proposal:
        return Proposal(draw_fresh(self._archive, self._initial, min(self._batch, at_most), rng))

    def tell(self, new: Ints) -> None:
        """Keep nothing: the archive has it all."""
