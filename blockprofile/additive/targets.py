"""What a response conditions on, as weights over the cells of a group.

A `Target` is one conditional law: a layer's block (under a presence), a unit's depth, or a unit's width. Its
weights are the ratio of the conditional law to the law of the pool, cell by cell; zero where the condition
does not hold. Responses are averages under targets, and averages of those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.groups import Group
from blockprofile.additive.presence import Presence, depth_law
from blockprofile.space import Law, Space, depth_probabilities


@dataclass(frozen=True, slots=True)
class Target:
    """One conditional law.

    ``group`` numbers the group whose cells ``weights`` (float64, shape (n_cells,)) are over. ``layer`` is 0 for a
    depth response and for a block that all layers of the unit share, ``depth`` 0 for a block response.
    """

    unit: int
    layer: int
    block: str
    depth: int
    group: int
    weights: NDArray[np.float64]


def block_label(space: Space, block: int, width: int | None, unit: int) -> str:
    """Name a block; where the unit's width is searched, the pair (width, block) as in BlockProfile."""
    name = space.block_names[block]
    if width is None:
        return name
    slot = space.units[unit - 1].width
    assert slot is not None
    return f"{space.slots[slot].choices[width]}:{name}"


def _depth_law(space: Space, unit: int, law: Law) -> dict[int, float]:
    return dict(zip(space.unit_depths(unit), depth_probabilities(space, unit, law).tolist(), strict=True))


def _cell_depths(space: Space, group: Group) -> NDArray[np.int64]:
    slots = space.units[group.unit - 1]
    if slots.depth is None:
        return np.full(group.n_cells, slots.depths[0])
    depths: NDArray[np.int64] = np.asarray(slots.depths, np.int64)[group.codes[group.position(slots.depth)]]
    return depths


def _layer_target(
    space: Space, group: Group, slot: int, *, block: int, width: int | None, presence: Presence, law: Law
) -> NDArray[np.float64]:
    layer = space.slots[slot].layer
    slots = space.units[group.unit - 1]
    pool_law = _depth_law(space, group.unit, law)
    wanted = depth_law(pool_law, layer, presence)
    depths = _cell_depths(space, group)
    ratio = np.zeros(int(depths.max()) + 1)
    for depth, p in wanted.items():
        ratio[depth] = p / pool_law[depth]
    codes = group.codes[group.position(slot)]
    present = (depths >= layer) & (codes == block)
    weights = ratio[depths] * np.where(present, len(space.allowed[slot]), depths < layer)
    if width is not None:
        assert slots.width is not None
        weights = weights * (group.codes[group.position(slots.width)] == width) * len(space.allowed[slots.width])
    return weights


def block_targets(
    space: Space, groups: Sequence[Group], *, presence: Presence = "given", law: Law = "papers"
) -> list[Target]:
    """List the targets of all (unit, layer, block) that the space allows.

    Returns
    -------
    In the order of the network, then of the blocks (width first where it is searched).
    """
    targets = []
    for number, group in enumerate(groups):
        slots = space.units[group.unit - 1]
        widths: tuple[int | None, ...] = (None,) if slots.width is None else space.allowed[slots.width]
        for slot in group.slots:
            layer = space.slots[slot].layer
            if space.slots[slot].kind != "layer" or layer > space.max_depth(group.unit):
                continue
            for width in widths:
                for block in space.allowed[slot]:
                    weights = _layer_target(space, group, slot, block=block, width=width, presence=presence, law=law)
                    label = block_label(space, block, width, group.unit)
                    targets.append(Target(*space.slots[slot].place, label, 0, number, weights))
    return targets


def depth_targets(space: Space, groups: Sequence[Group], *, law: Law = "papers") -> list[Target]:
    """List the targets of all depths of units that have a choice of depth."""
    targets = []
    seen: set[int] = set()
    for number, group in enumerate(groups):
        if group.unit in seen or len(space.unit_depths(group.unit)) < 2:
            continue
        seen.add(group.unit)
        depths = _cell_depths(space, group)
        for depth, p in _depth_law(space, group.unit, law).items():
            targets.append(Target(group.unit, 0, "", depth, number, (depths == depth) / p))
    return targets
