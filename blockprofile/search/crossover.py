"""Crossover at the levels of unit, layer and block."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError, check_choice
from blockprofile.search.codes import CodeTable
from blockprofile.space import Archs, Block, Space

LEVELS = ("unit", "layer", "block")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """Recombine two archs.

    A child crosses at one level, drawn by ``levels``: at *unit* level each unit (with its width and depth)
    comes whole from either parent, at *layer* level each slot does, and at *block* level each layer takes its
    block's properties (expansion, kernel, squeeze-and-excite and whatever else blocks differ in) from either, where the
    space has such a block there. What a depth then lacks is drawn; what it leaves out becomes inactive.

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
            check_choice("crossover level", level, LEVELS)
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
    blocks = _properties(space)
    n_properties = len(blocks[0])
    code_of = {block: code for code, block in enumerate(blocks)}
    mix = np.broadcast_to(np.arange(256, dtype=np.uint8)[:, None], (2**n_properties, 256, 256)).copy()
    for bits in range(2**n_properties):
        for (one, first), (two, second) in itertools.product(enumerate(blocks), repeat=2):
            wanted = tuple((second if bits >> place & 1 else first)[place] for place in range(n_properties))
            # Blocks that nothing but their names tells apart are themselves, not each other.
            mix[bits, one, two] = one if wanted == first else two if wanted == second else code_of.get(wanted, one)
    return mix


def _properties(space: Space) -> list[tuple[int, ...]]:
    """Number the values of what the blocks differ in, block by block; what always goes together is one property."""
    names = [each.name for each in fields(Block) if each.name not in {"name", "factors"}]
    columns = [[getattr(block, name) for block in space.blocks] for name in names]
    patterns = dict.fromkeys(tuple(map(column.index, column)) for column in columns)
    varying = [pattern for pattern in patterns if any(pattern)]
    return [tuple(pattern[code] for pattern in varying) for code in range(len(space.blocks))]
