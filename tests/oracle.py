"""Brute force for responses: the procedure that a presence describes, carried out on every possible draw.

Every slot is drawn, the layers beyond the depth too; then the unit's depth is raised as the presence says, the
block is put in its layer, and what lies beyond the depth is made inactive. Nothing is reweighted.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import INACTIVE, Archs, Space
from tests.toy import depth_law

Draws = tuple[NDArray[np.uint8], NDArray[np.float64]]
"""Codes of all slots, layers beyond the depth included, and their probabilities."""


def all_draws(space: Space, law: str = "papers") -> Draws:
    codes = np.array(list(itertools.product(*space.allowed)), np.uint8)
    chances = np.ones(len(codes))
    for slot in space.slots:
        if slot.kind == "depth":
            of_depth = depth_law(space, slot.unit, law)
            chances *= np.array([of_depth[int(slot.choices[code])] for code in codes[:, slot.index]])
        else:
            chances /= len(space.allowed[slot.index])
    return codes, chances


def finish(space: Space, draws: NDArray[np.uint8]) -> Archs:
    archs = draws.copy()
    depths = space.depths(archs)
    for slot in space.layer_slots:
        archs[depths[:, slot.unit - 1] < slot.layer, slot.index] = INACTIVE
    return archs


def responded(
    space: Space, draws: Draws, *, unit: int, layer: int, code: int, width: int | None, presence: str
) -> tuple[Archs, NDArray[np.float64]]:
    """Carry out A_(u,l,b): archs and probabilities."""
    codes, chances = draws[0].copy(), draws[1].copy()
    slots = space.units[unit - 1]
    depths = space.depths(codes)[:, unit - 1]
    if presence == "given":
        keep = depths >= layer
        codes, chances = codes[keep], chances[keep] / chances[keep].sum()
    elif slots.depth is not None:
        least = layer if presence == "promoted" else layer - 1
        if presence == "figure4":
            # Added layers count from the smallest depth, layers from 0; a unit has no more than its greatest depth.
            least = min(space.unit_depths(unit)[0] + layer - 1, space.unit_depths(unit)[-1])
        for row in np.flatnonzero(depths < least):
            raised = min(depth for depth in space.unit_depths(unit) if depth >= least)
            codes[row, slots.depth] = slots.depths.index(raised)
    codes[:, slots.layers[layer - 1]] = code
    if width is not None:
        assert slots.width is not None
        codes[:, slots.width] = width
    return finish(space, codes), chances
