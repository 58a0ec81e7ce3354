"""Groups of slots: the parts of an arch that a network looks up as one.

A unit's layers form a group where their combinations are few enough to be tabulated; a larger unit is cut into
runs of layers. The network learns a function of each group's whole state, and that function becomes one table
when the network is loaded. No learning happens here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.space.slots import Archs, Slot
from blockprofile.space.space import Space

__all__ = ["SlotGroup", "group_slots", "is_implied", "last_codes", "n_codes", "read_states"]

MAX_STATES = 1 << 14
"""States of a group: tables of this many rows stay in a processor's caches."""


@dataclass(frozen=True, slots=True)
class SlotGroup:
    """Slots that are looked up together.

    ``sizes`` counts the codes of each slot, an inactive layer's being the last; the state of an arch is the
    mixed-radix number of its codes, the first slot most significant.
    """

    slots: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def n_states(self) -> int:
        """Count the states, those that no arch has included."""
        return math.prod(self.sizes)

    @property
    def strides(self) -> tuple[int, ...]:
        """What one step of each slot's code adds to the state."""
        return tuple(math.prod(self.sizes[place + 1 :]) for place in range(len(self.sizes)))

    def codes(self) -> NDArray[np.int64]:
        """List the codes of every state, shape (n_states, len(slots))."""
        return np.stack(np.unravel_index(np.arange(self.n_states), self.sizes), axis=1).astype(np.int64)


def n_codes(space: Space, slot: Slot) -> int:
    """Count the codes that a slot can hold, the inactive one included where its unit's depth can leave it out."""
    optional = slot.kind == "layer" and slot.layer > min(space.units[slot.unit - 1].depths)
    return slot.n_choices + optional


def is_implied(space: Space, slot: Slot) -> bool:
    """Tell whether other slots say what this one does: a depth is said by the layers that are active."""
    return slot.kind == "depth" and space.units[slot.unit - 1].own_depth is None


def last_codes(space: Space) -> NDArray[np.uint8]:
    """List each slot's last code, which stands for an inactive layer where there can be one."""
    return np.array([n_codes(space, slot) - 1 for slot in space.slots], np.uint8)


def group_slots(space: Space, *, max_states: int = MAX_STATES) -> tuple[SlotGroup, ...]:
    """Cut a space's slots into groups of at most ``max_states`` states, unit by unit.

    Depth slots are left out where the layers that are active say the same.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> [group.sizes for group in group_slots(load_space("ofa_mbv3"))][:2]
    [(9, 9, 10, 10), (9, 9, 10, 10)]
    """
    groups: list[SlotGroup] = []
    for unit in range(len(space.units) + 1):
        run: list[Slot] = []
        states = 1
        for slot in space.slots:
            if slot.unit != unit or is_implied(space, slot):
                continue
            size = n_codes(space, slot)
            if run and states * size > max_states:
                groups.append(_group(space, run))
                run, states = [], 1
            run.append(slot)
            states *= size
        if run:
            groups.append(_group(space, run))
    return tuple(groups)


def _group(space: Space, slots: Sequence[Slot]) -> SlotGroup:
    return SlotGroup(tuple(slot.index for slot in slots), tuple(n_codes(space, slot) for slot in slots))


def read_states(groups: Sequence[SlotGroup], archs: Archs) -> NDArray[np.int32]:
    """Read off the state of every group.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots); members of the definition.

    Returns
    -------
    int32, shape (n, n_groups).
    """
    columns = np.ascontiguousarray(archs.T)
    states = np.zeros((len(groups), len(archs)), np.int32)
    for place, group in enumerate(groups):
        for slot, size, stride in zip(group.slots, group.sizes, group.strides, strict=True):
            states[place] += np.minimum(columns[slot], np.uint8(size - 1)).astype(np.int32) * np.int32(stride)
    return np.ascontiguousarray(states.T)
