"""How many architectures a space holds, as exact integers."""

from __future__ import annotations

import math

from blockprofile.space.space import Space


def depth_counts(space: Space, unit: int) -> dict[int, int]:
    """Count the ways to fill a unit, by its depth.

    Returns
    -------
    Depth -> number of sequences of blocks, for the depths that are allowed.
    """
    slots = space.units[unit - 1]
    sizes = [len(space.allowed[slot]) for slot in slots.layers]
    return {depth: math.prod(sizes[:depth]) for depth in space.unit_depths(unit)}


def count_archs(space: Space) -> int:
    """Count the architectures of a space exactly.

    A searched resolution, stem options and widths multiply; a unit adds over its depths.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> count_archs(load_space("moga")) == 12**14
    True
    >>> count_archs(load_space("ofa_mbv3")) == 7371**5
    True
    """
    free = [len(space.allowed[slot.index]) for slot in space.slots if slot.kind not in {"layer", "depth"}]
    units = [sum(depth_counts(space, unit.unit).values()) for unit in space.units]
    return math.prod(free) * math.prod(units)
