"""A space as tables over its slots, from which the operators of the searches draw codes for many archs at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import INACTIVE, Archs, Space


@dataclass(frozen=True, slots=True)
class CodeTable:
    """What each slot may hold.

    ``codes`` is uint8, shape (n_slots, most codes), row by row the allowed codes; ``n_codes`` their number;
    ``place`` the inverse, shape (n_slots, 256), 0 for what is not allowed; ``allowed`` the same as bool.
    ``unit`` and ``layer`` number a slot, 0 where they do not apply. ``group`` joins the slots of a unit and
    gives every other slot a group of its own. ``shallow`` are the slots of layers that some depth of their unit
    leaves out, ``depth_of`` the slots of those depths, and ``reach``, shape (n_shallow, 256), tells by the
    depth's code whether the layer is active.
    """

    space: Space
    codes: NDArray[np.uint8]
    n_codes: NDArray[np.int64]
    place: NDArray[np.uint8]
    allowed: NDArray[np.bool_]
    unit: NDArray[np.int64]
    layer: NDArray[np.int64]
    group: NDArray[np.int64]
    shallow: NDArray[np.int64]
    depth_of: NDArray[np.int64]
    reach: NDArray[np.bool_]

    @classmethod
    def of(cls, space: Space) -> CodeTable:
        """Make the tables of a space."""
        n_codes = np.array([len(codes) for codes in space.allowed], np.int64)
        codes = np.zeros((space.n_slots, int(n_codes.max())), np.uint8)
        place = np.zeros((space.n_slots, 256), np.uint8)
        allowed = np.zeros((space.n_slots, 256), bool)
        for slot, row in enumerate(space.allowed):
            codes[slot, : len(row)] = row
            place[slot, list(row)] = np.arange(len(row))
            allowed[slot, list(row)] = True
        unit = np.array([slot.unit for slot in space.slots], np.int64)
        layer = np.array([slot.layer for slot in space.slots], np.int64)
        group = unit - 1
        group[unit == 0] = len(space.units) + np.arange(int((unit == 0).sum()))
        return cls(space, codes, n_codes, place, allowed, unit, layer, group, *_reach(space))

    @property
    def n_groups(self) -> int:
        """Count the groups."""
        return int(self.group.max()) + 1

    def draw(self, slots: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw an allowed code for each of the given slots, uniformly: uint8, shape (n,)."""
        places = (rng.random(len(slots)) * self.n_codes[slots]).astype(np.int64)
        return self.codes[slots, places]

    def redraw(self, slots: NDArray[np.int64], codes: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
        """Draw for each slot an allowed code other than the given one, which stays where there is no other."""
        n_codes = self.n_codes[slots]
        others = n_codes - self.allowed[slots, codes]
        steps = (rng.random(len(slots)) * others).astype(np.int64)
        # From an allowed code one goes 1 to n-1 places on; from a code that is not allowed, anywhere.
        places = (self.place[slots, codes] + steps + self.allowed[slots, codes]) % n_codes
        drawn = self.codes[slots, places]
        return np.where(others > 0, drawn, codes)

    def active(self, archs: Archs) -> NDArray[np.bool_]:
        """Tell which slots count, by the depths that the archs say: bool, shape (n, n_slots)."""
        active = np.ones(archs.shape, bool)
        if len(self.shallow):
            active[:, self.shallow] = self.reach[np.arange(len(self.shallow)), archs[:, self.depth_of]]
        return active

    def settle(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Make layers agree with depths, in place: what is too deep becomes inactive, what is missing is drawn.

        Returns
        -------
        The same array.
        """
        if not len(self.shallow):
            return archs
        active = self.active(archs)
        archs[~active] = INACTIVE
        rows, slots = np.nonzero(active & (archs == INACTIVE))
        if len(rows):
            archs[rows, slots] = self.draw(slots, rng)
        return archs


def _reach(space: Space) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    shallow: list[int] = []
    depth_of: list[int] = []
    rows: list[NDArray[np.bool_]] = []
    for unit in space.units:
        for layer, slot in enumerate(unit.layers, start=1):
            if unit.depth is None or layer <= min(unit.depths):
                continue
            row = np.zeros(256, bool)
            row[: len(unit.depths)] = np.asarray(unit.depths) >= layer
            shallow.append(slot)
            depth_of.append(unit.depth)
            rows.append(row)
    reach = np.stack(rows) if rows else np.zeros((0, 256), bool)
    return np.array(shallow, np.int64), np.array(depth_of, np.int64), reach
