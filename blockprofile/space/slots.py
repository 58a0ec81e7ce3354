"""Slots: the decisions that an arch is made of, and where each unit's decisions stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.space.definition import SpaceDefinition, Value

INACTIVE = 255
"""The code of a layer that its unit's depth leaves out."""

Archs = NDArray[np.uint8]
"""Architectures: uint8 codes, shape (n_slots,) or (n, n_slots)."""

SlotKind = Literal["resolution", "option", "width", "depth", "layer"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One decision of an arch.

    ``choices`` are the values in the order of their codes: a slot's code is an index into them. ``unit`` and
    ``layer`` count from 1 and are 0 where they do not apply; a block that all layers of a unit share counts as layer 1.
    """

    index: int
    name: str
    kind: SlotKind
    choices: tuple[Value, ...]
    unit: int = 0
    layer: int = 0
    is_shared: bool = False

    @property
    def place(self) -> tuple[int, int]:
        """Unit and layer as tables give them: the layer is 0 where all layers of the unit share the block."""
        return self.unit, 0 if self.is_shared else self.layer

    @property
    def n_choices(self) -> int:
        """Count the codes, allowed or not."""
        return len(self.choices)


def place_name(unit: int, layer: int = 0) -> str:
    """Name a place for a reader; layer 0 is the whole unit.

    Examples
    --------
    >>> place_name(2, 1), place_name(2)
    ('unit 2, layer 1', 'unit 2')
    """
    return f"unit {unit}, layer {layer}" if layer else f"unit {unit}"


@dataclass(frozen=True, slots=True)
class UnitSlots:
    """Where a unit's decisions stand in an arch; ``depth`` and ``width`` are None where nothing is decided.

    ``layers`` has the slot of each layer, or the one slot of all where the unit's layers share their block.
    """

    unit: int
    depths: tuple[int, ...]
    layers: tuple[int, ...]
    depth: int | None = None
    width: int | None = None
    shared: bool = False

    @property
    def max_depth(self) -> int:
        """The number of layers that the unit has at most."""
        return max(self.depths)

    @property
    def own_depth(self) -> int | None:
        """The depth's slot where no layer's slot tells the depth: that of layers that share one block."""
        return self.depth if self.shared else None

    def layer_slot(self, layer: int) -> int:
        """Return the slot that holds the block of a layer, counted from 1."""
        return self.layers[0] if self.shared else self.layers[layer - 1]


def slots_of(definition: SpaceDefinition) -> tuple[tuple[Slot, ...], tuple[UnitSlots, ...]]:
    """List the slots of a definition, in the order of an arch's codes, and where each unit's stand."""
    slots: list[Slot] = []

    def add(name: str, kind: SlotKind, choices: Sequence[Value], unit: int = 0, layer: int = 0) -> int:
        is_shared = kind == "layer" and definition.units[unit - 1].shared
        slots.append(Slot(len(slots), name, kind, tuple(choices), unit, layer, is_shared))
        return len(slots) - 1

    if definition.input.searched:
        add("resolution", "resolution", definition.input.resolutions)
    for option in definition.options:
        add(option.name, "option", option.values)
    names = [block.name for block in definition.blocks]
    units: list[UnitSlots] = []
    for number, unit in enumerate(definition.units, start=1):
        width = depth = None
        if isinstance(unit.out, tuple):
            width = add(f"u{number}_width", "width", unit.widths or unit.out, number)
        if len(unit.depths) > 1:
            depth = add(f"u{number}_depth", "depth", unit.depths, number)
        layers: tuple[int, ...]
        if unit.shared:
            layers = (add(f"u{number}_block", "layer", names, number, 1),)
        else:
            layers = tuple(
                add(f"u{number}l{layer}", "layer", names, number, layer) for layer in range(1, max(unit.depths) + 1)
            )
        units.append(UnitSlots(number, unit.depths, layers, depth, width, unit.shared))
    return tuple(slots), tuple(units)


def defined_codes(definition: SpaceDefinition, slot: Slot) -> tuple[int, ...]:
    """Return the codes that a definition allows in a slot, ascending."""
    if slot.kind != "layer":
        return tuple(range(slot.n_choices))
    unit = definition.units[slot.unit - 1]
    override = next((item.blocks for item in unit.layers if item.layer == slot.layer), None)
    names = override or unit.blocks or tuple(block.name for block in definition.blocks)
    return tuple(sorted(slot.choices.index(name) for name in names))
