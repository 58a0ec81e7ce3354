"""All archs of a small space, one after the other."""

from __future__ import annotations

import itertools

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.numbers import write_count
from blockprofile.space.counting import count_archs
from blockprofile.space.slots import INACTIVE, Archs, UnitSlots
from blockprofile.space.space import Space

MOST_LISTED = 1 << 16


def list_archs(space: Space) -> Archs:
    """List all archs of a space.

    Returns
    -------
    uint8, shape (n_archs, n_slots), distinct, in the order of their codes.

    Raises
    ------
    OptionError
        If the space has more than `MOST_LISTED` archs.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> list_archs(load_space("nas_bench_macro")).shape
    (6561, 8)
    """
    n = count_archs(space)
    if n > MOST_LISTED:
        raise OptionError(
            f"space {space.name!r} has {write_count(n)} archs; at most {MOST_LISTED:,} are looked at one by one"
        )
    rows = np.full((1, space.n_slots), INACTIVE, np.uint8)
    alone = [slot.index for slot in space.slots if slot.kind not in {"depth", "layer"}]
    parts = [((index,), np.asarray(space.allowed[index], np.uint8)[:, None]) for index in alone]
    for slots, fillings in (*parts, *(_fillings(space, unit) for unit in space.units)):
        places = np.tile(np.arange(len(fillings)), len(rows))
        rows = np.repeat(rows, len(fillings), axis=0)
        rows[:, slots] = fillings[places]
    found = np.unique(rows, axis=0)
    assert len(found) == n
    return np.ascontiguousarray(found)


def _fillings(space: Space, unit: UnitSlots) -> tuple[tuple[int, ...], Archs]:
    """List every depth of a unit with every row of blocks that it takes: the slots, and their codes row by row."""
    slots = (*(() if unit.depth is None else (unit.depth,)), *unit.layers)
    rows = []
    for depth in space.unit_depths(unit.unit):
        code = () if unit.depth is None else (unit.depths.index(depth),)
        left_out = (INACTIVE,) * (len(unit.layers) - depth)
        blocks = itertools.product(*(space.allowed[index] for index in unit.layers[:depth]))
        rows += [(*code, *each, *left_out) for each in blocks]
    return slots, np.array(rows, np.uint8).reshape(len(rows), len(slots))
