"""BlockProfile's edits of a unit: add a layer, remove one, or swap a block for another.

`UnitEdits` makes one edit of each arch at random; `list_neighbours` makes them all.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.codes import CodeTable
from blockprofile.search.mutation import unit_weights
from blockprofile.space import INACTIVE, Archs

__all__ = ["UnitEdits"]

ADD, REMOVE, SWAP = range(3)


class UnitEdits:
    """Edit archs, one unit at a time.

    A unit is drawn by its weight among those where something can be done; then one of the edits that are
    possible there. *Add* goes to the next greater depth and draws the new layers' blocks; *remove* goes to
    the next smaller one; *swap* gives one active layer (or the unit's width) another choice. A stem option or
    a searched resolution is swapped like a unit of its own, at weight 1. A unit with a single choice
    everywhere is passed over.

    Parameters
    ----------
    table
        The tables of the space.
    weights
        Unit number -> weight, as for `blockprofile.search.mutation.unit_weights`.

    References
    ----------
    Mills et al., "Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search", CIKM 2021.
    """

    def __init__(self, table: CodeTable, weights: Mapping[int, float] | None = None) -> None:
        space = table.space
        self._table = table
        n_free = table.n_groups - len(space.units)
        self._weights = np.concatenate([unit_weights(space, weights), np.ones(n_free)])
        kinds = [slot.kind for slot in space.slots]
        self._depth_of = np.full(table.n_groups, -1, np.int64)
        for unit in space.units:
            if unit.depth is not None:
                self._depth_of[unit.unit - 1] = unit.depth
        is_depth = np.array([kind == "depth" for kind in kinds])
        self._swappable = ~is_depth & (table.n_codes > 1)
        self._member = np.equal.outer(table.group, np.arange(table.n_groups)).astype(np.float32)

    def __call__(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Edit each arch once.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots); members of the space.

        Returns
        -------
        uint8, shape (n, n_slots). An arch that nothing can be done with is returned as it is.
        """
        table, n = self._table, len(archs)
        swappable = table.active(archs) & self._swappable
        possible = self._possible(archs, swappable)
        chances = np.cumsum(self._weights * possible.any(axis=2), axis=1)
        group = (rng.random(n)[:, None] * chances[:, -1:] >= chances).sum(axis=1)
        rows = np.flatnonzero(chances[:, -1] > 0)
        group = group[rows]
        edits = possible[rows, group]
        order = np.cumsum(edits, axis=1)
        pick = np.floor(rng.random(len(rows)) * order[:, -1]).astype(np.int64)
        edit = (order <= pick[:, None]).sum(axis=1)
        children = archs.copy()
        self._swap(children, rows[edit == SWAP], group[edit == SWAP], swappable, rng)
        for kind, step in ((ADD, 1), (REMOVE, -1)):
            chosen = edit == kind
            self._step_depth(children, rows[chosen], self._depth_of[group[chosen]], step)
        return table.settle(children, rng)

    def _possible(self, archs: Archs, swappable: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which edits can be made: bool, shape (n, n_groups, 3)."""
        table = self._table
        possible = np.zeros((len(archs), table.n_groups, 3), bool)
        possible[:, :, SWAP] = (swappable @ self._member) > 0
        for group in np.flatnonzero(self._depth_of >= 0):
            slot = self._depth_of[group]
            place = table.place[slot, archs[:, slot]]
            possible[:, group, ADD] = place < table.n_codes[slot] - 1
            possible[:, group, REMOVE] = place > 0
        return possible

    def _swap(
        self,
        children: Archs,
        rows: NDArray[np.int64],
        group: NDArray[np.int64],
        swappable: NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> None:
        inside = swappable[rows] & (self._table.group == group[:, None])
        slots = np.argmax(np.where(inside, rng.random(inside.shape), -1.0), axis=1)
        children[rows, slots] = self._table.redraw(slots, children[rows, slots], rng)

    def _step_depth(self, children: Archs, rows: NDArray[np.int64], slots: NDArray[np.int64], step: int) -> None:
        place = self._table.place[slots, children[rows, slots]].astype(np.int64) + step
        children[rows, slots] = self._table.codes[slots, place]

    def list_neighbours(self, archs: Archs) -> tuple[Archs, NDArray[np.int64]]:
        """List every arch that one edit of the given ones can make.

        Returns
        -------
        The neighbours, uint8 of shape (n_neighbours, n_slots), and for each the place of the arch it comes
        from. Neighbours of several archs appear several times.
        """
        found: list[Archs] = []
        source: list[NDArray[np.int64]] = []
        for rows, children in itertools.chain(self._all_swaps(archs), self._all_steps(archs)):
            if len(rows):
                found.append(children)
                source.append(rows)
        if not found:
            return archs[:0].copy(), np.zeros(0, np.int64)
        return np.concatenate(found), np.concatenate(source)

    def _all_swaps(self, archs: Archs) -> Iterator[tuple[NDArray[np.int64], Archs]]:
        table, active = self._table, self._table.active(archs)
        for slot in np.flatnonzero(self._swappable & (self._weights[table.group] > 0)):
            for code in table.space.allowed[slot]:
                rows = np.flatnonzero(active[:, slot] & (archs[:, slot] != code))
                children = archs[rows]
                children[:, slot] = code
                yield rows, children

    def _all_steps(self, archs: Archs) -> Iterator[tuple[NDArray[np.int64], Archs]]:
        table = self._table
        for group in np.flatnonzero((self._depth_of >= 0) & (self._weights > 0)):
            slot, unit = int(self._depth_of[group]), table.space.units[group]
            place = table.place[slot, archs[:, slot]]
            for old, new in itertools.permutations(range(int(table.n_codes[slot])), 2):
                if abs(new - old) != 1:
                    continue
                rows = np.flatnonzero(place == old)
                before, after = (unit.depths[table.codes[slot, step]] for step in (old, new))
                children = archs[rows]
                children[:, slot] = table.codes[slot, new]
                children[:, unit.layers[after:]] = INACTIVE
                added = unit.layers[before:after]
                for blocks in itertools.product(*(table.space.allowed[layer] for layer in added)):
                    filled = children.copy()
                    filled[:, added] = blocks
                    yield rows, filled
