"""Crossover at the levels of unit, layer and block."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, one_of
from blockprofile.search.codes import CodeTable
from blockprofile.space import Archs, Space

__all__ = ["LEVELS", "Crossover"]

LEVELS = ("unit", "layer", "block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """Recombine two archs.

    A child crosses at one level, drawn by ``levels``: at *unit* level each unit (with its width and depth)
    comes whole from either parent, at *layer* level each slot does, and at *block* level each layer takes its
    block's properties (expansion, kernel, squeeze-and-excite, ratio) from either, where the space has such a
    block there. What a depth then lacks is drawn; what it leaves out becomes inactive.

    Parameters
    ----------
    rate
        The chance that a child is crossed at all; else it is its first parent.
    levels
        The relative weight of each of `LEVELS`.

    Raises
    ------
    OptionError
        If rate or weights are out of range, or a level is unknown.
    """

    rate: float = 0.7
    levels: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LEVELS, 1.0))

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1:
            raise OptionError(f"crossover rate {self.rate} must be from 0 to 1")
        for level, weight in self.levels.items():
            if level not in LEVELS:
                raise OptionError(f"crossover level {level!r} is unknown; {one_of(level, LEVELS)}")
            if not 0 <= weight < float("inf"):
                raise OptionError(f"weight {weight} of crossover level {level!r} must be finite and at least 0")
        if sum(self.levels.values()) <= 0:
            raise OptionError("the weights of the crossover levels are all 0")

    def describe(self) -> dict[str, Any]:
        """Describe it in plain values, for a manifest."""
        return {"rate": self.rate, "levels": dict(self.levels)}

    def bind(self, table: CodeTable) -> BoundCrossover:
        """Make the operator for a space."""
        return BoundCrossover(self, table)


class BoundCrossover:
    """A `Crossover` for one space."""

    def __init__(self, config: Crossover, table: CodeTable) -> None:
        self._config, self._table = config, table
        weights = np.array([config.levels.get(level, 0.0) for level in LEVELS])
        self._bounds = np.cumsum(weights / weights.sum())[:-1]
        self._mix = _mixing_table(table.space)

    def __call__(self, first: Archs, second: Archs, rng: np.random.Generator) -> Archs:
        """Cross row by row.

        Parameters
        ----------
        first, second
            uint8, shape (n, n_slots); members of the space.

        Returns
        -------
        uint8, shape (n, n_slots): one child for each pair.
        """
        table, (n, n_slots) = self._table, first.shape
        level = np.asarray(np.searchsorted(self._bounds, rng.random(n), side="right"))
        level[rng.random(n) >= self._config.rate] = len(LEVELS)
        coins = rng.random((n, n_slots))
        of_unit = rng.random((n, table.n_groups))[:, table.group] < 0.5
        swap = np.where((level == 0)[:, None], of_unit, coins < 0.5) & (level < 2)[:, None]
        children = np.where(swap, second, first)
        mixed = np.flatnonzero(level == 2)
        if len(mixed):
            children[mixed] = self._mix_blocks(first[mixed], second[mixed], coins[mixed])
        return table.settle(children, rng)

    def _mix_blocks(self, first: Archs, second: Archs, coins: NDArray[np.float64]) -> Archs:
        bits = (coins * self._mix.shape[0]).astype(np.int64)
        mixed = self._mix[bits, first, second]
        slots = np.arange(first.shape[1])
        fits = self._table.allowed[slots, mixed] & (self._table.layer > 0)
        return np.where(fits, mixed, first)


def _mixing_table(space: Space) -> NDArray[np.uint8]:
    """Tabulate which block has some properties of one block and the rest of another.

    Returns
    -------
    uint8, shape (2^n_properties, 256, 256); the first block's code where there is no such block.
    """
    blocks = [(block.op, block.expansion, block.kernel, block.se, block.ratio) for block in space.blocks]
    varying = [place for place in range(5) if len({block[place] for block in blocks}) > 1]
    code_of: dict[tuple[object, ...], int] = {block: code for code, block in enumerate(blocks)}
    mix = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (2 ** len(varying), 256, 256)).copy()
    for bits in range(2 ** len(varying)):
        taken = {place for shift, place in enumerate(varying) if bits >> shift & 1}
        for one, first in enumerate(blocks):
            for two, second in enumerate(blocks):
                wanted = tuple((second if place in taken else first)[place] for place in range(5))
                mix[bits, one, two] = code_of.get(wanted, one)
    return mix
