"""Mutation of single slots at random, by the same rate everywhere or by a weight for each unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.search.codes import CodeTable
from blockprofile.space import Archs, Space


class BoundMutation(Protocol):
    """A mutation made for one search.

    `__call__` takes children of shape (n, n_slots) and returns new ones; it changes nothing in itself. What
    it learns, it learns in `learn` alone, so that a search is resumed by telling it again what happened.
    """

    def __call__(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Mutate archs."""
        ...

    def learn(self, parents: Archs, children: Archs, merit: NDArray[np.float64]) -> None:
        """Hear how evaluated children fared: merit is 1 for the best and 0 for the worst."""
        ...


class Mutation(Protocol):
    """The parameters of a mutation, from which one is made for each search."""

    def bind(self, table: CodeTable) -> BoundMutation:
        """Make the operator for a space."""
        ...

    def describe(self) -> dict[str, Any]:
        """Describe it in plain values, for a manifest."""
        ...


def unit_weights(space: Space, weights: Mapping[int, float] | None = None) -> NDArray[np.float64]:
    """Return one mutation weight for each unit, with mean 1.

    Parameters
    ----------
    weights
        Unit number -> weight; None takes those of the space, and units that are not named have weight 1.

    Raises
    ------
    OptionError
        If a unit is not of the space, a weight is negative, or all are 0.
    """
    given = space.mutation if weights is None else weights
    values = np.ones(len(space.units))
    for unit, weight in given.items():
        if not 1 <= unit <= len(values):
            raise OptionError(f"mutation weight for unit {unit}; space {space.name!r} has units 1 to {len(values)}")
        if not 0 <= weight < float("inf"):
            raise OptionError(f"mutation weight {weight} of unit {unit} must be finite and at least 0")
        values[unit - 1] = weight
    if values.sum() <= 0:
        raise OptionError(f"the mutation weights of all units of space {space.name!r} are 0")
    scaled: NDArray[np.float64] = values / values.mean()
    return scaled


@dataclass(frozen=True, slots=True, kw_only=True)
class UniformMutation:
    """Give each slot another code with the same chance, times the weight of its unit.

    Parameters
    ----------
    changes
        How many slots of an arch change on average (at weight 1), greater than 0. With crossover a low rate
        served best on the shipped spaces; an arch that comes out unchanged is made again, not evaluated again.
    weights
        Unit number -> weight; None takes those of a pruned space, and 1 where it has none.

    Raises
    ------
    OptionError
        If ``changes`` is not greater than 0.
    """

    changes: float = 0.3
    weights: Mapping[int, float] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.changes < float("inf"):
            raise OptionError(f"changes is {self.changes}; it must be greater than 0")

    def describe(self) -> dict[str, Any]:
        """Describe it in plain values, for a manifest."""
        weights = None if self.weights is None else {str(unit): weight for unit, weight in self.weights.items()}
        return {"mutation": "uniform", "changes": self.changes, "weights": weights}

    def bind(self, table: CodeTable) -> BoundUniformMutation:
        """Make the operator for a space."""
        return BoundUniformMutation(self, table)


class BoundUniformMutation:
    """A `UniformMutation` for one space."""

    def __init__(self, config: UniformMutation, table: CodeTable) -> None:
        self._table = table
        weights = np.append(unit_weights(table.space, config.weights), 1.0)
        free = table.n_codes > 1
        # unit 0 (no unit) reads the last entry
        rates = np.where(free, weights[table.unit - 1], 0.0)
        self._rates = np.minimum(1.0, rates * config.changes / max(1, int(free.sum())))

    def __call__(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Mutate archs: uint8, shape (n, n_slots)."""
        children = archs.copy()
        hits = rng.random(archs.shape) < self._rates
        rows, slots = np.nonzero(hits & self._table.active(archs))
        children[rows, slots] = self._table.redraw(slots, children[rows, slots], rng)
        return self._table.settle(children, rng)

    def learn(self, parents: Archs, children: Archs, merit: NDArray[np.float64]) -> None:
        """Learn nothing."""
