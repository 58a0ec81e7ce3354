"""Group tables: the codes of a unit's slots packed into one cell number, over which moments are summed.

A unit's layers, depth and width are packed together while the table stays small, so that one pass of a few
`bincount` calls serves every (unit, layer, block), depth and width at once: each is a marginal of a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import INACTIVE, Archs, Space

MAX_CELLS = 1 << 16


@dataclass(frozen=True)
class Group:
    """Slots of one unit that are packed together.

    ``slots`` are slot indices: the unit's width and depth where they are slots, then some of its layers.
    ``shape`` gives the codes of each; a layer's last is for an inactive one.
    """

    unit: int
    slots: tuple[int, ...]
    shape: tuple[int, ...]

    @property
    def n_cells(self) -> int:
        """Count the cells of the table."""
        return int(np.prod(self.shape))

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Codes of every cell: int64, shape (n_slots of the group, n_cells)."""
        return np.stack([axis.ravel() for axis in np.indices(self.shape)])

    def position(self, slot: int) -> int:
        """Return where a slot stands in the group.

        Raises
        ------
        ValueError
            If it is not in the group.
        """
        return self.slots.index(slot)

    def number(self, columns: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Number the cell of every arch.

        Parameters
        ----------
        columns
            uint8, shape (n_slots, n): archs, transposed.

        Returns
        -------
        int32, shape (n,).
        """
        total = np.zeros(columns.shape[1], np.int32)
        for slot, size in zip(self.slots, self.shape, strict=True):
            codes = columns[slot]
            if size <= INACTIVE:
                codes = np.minimum(codes, np.uint8(size - 1))
            total *= np.int32(size)
            total += codes
        return total


def make_groups(space: Space) -> tuple[Group, ...]:
    """Pack the slots of a space into groups, unit by unit.

    Returns
    -------
    Every layer stands in exactly one group; a unit's width and depth stand in each of its groups.
    """
    groups: list[Group] = []
    for unit in space.units:
        shared = tuple(index for index in (unit.width, unit.depth) if index is not None)
        base = int(np.prod([space.slots[index].n_choices for index in shared]))
        layers: list[int] = []
        for slot in unit.layers:
            size = space.n_blocks + 1
            if layers and base * size ** (len(layers) + 1) > MAX_CELLS:
                groups.append(_group(space, unit.unit, (*shared, *layers)))
                layers = []
            layers.append(slot)
        groups.append(_group(space, unit.unit, (*shared, *layers)))
    return tuple(groups)


def _group(space: Space, unit: int, slots: tuple[int, ...]) -> Group:
    shape = tuple(space.slots[index].n_choices + (space.slots[index].kind == "layer") for index in slots)
    return Group(unit, slots, shape)


def transpose(archs: Archs) -> NDArray[np.uint8]:
    """Return archs as contiguous columns, shape (n_slots, n)."""
    return np.ascontiguousarray(archs.T)
