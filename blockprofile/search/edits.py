"""BlockProfile's mutation: every unit by a chance of its own, a layer inserted, removed, or its block swapped.

`UnitEdits` mutates archs at random; `list_neighbours` makes every arch that the edit of a single unit can make.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.search.codes import CodeTable
from blockprofile.search.mutation import unit_weights
from blockprofile.space import INACTIVE, Archs

Ints = NDArray[np.int64]

INSERT, REMOVE, SWAP, WIDEN = range(4)


class UnitEdits:
    """Edit archs, each unit at most once.

    A unit is edited with a chance of its own, and at least one is: the units that are not drawn stay as they are, and a
    draw without any is repeated. An edited unit takes one of the edits that are possible there, each as likely:
    *insert* a drawn block at a random place among its layers, which goes to the next greater depth; *remove* the block
    at a random place; *swap* the block of one layer for another; give it another *width*. Where a depth is left out of
    the space, as many blocks are inserted or removed as the next one needs. A block that comes to lie on a layer where
    it is not allowed is drawn anew; one that layers share stays while there is a layer. What lies outside the units
    (stem options, a searched resolution) is edited as one more unit, at half the chance: one of its slots gets another
    choice.

    Parameters
    ----------
    chance
        The chance of the units of the greatest weight, above 0 and at most 1.
    weights
        Unit number -> weight; None takes those of the space. The chance of a unit is ``chance`` times its share of
        the greatest weight.

    References
    ----------
    Mills et al., "Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search", CIKM 2021; the
    chances are those of the published code.
    """

    def __init__(self, table: CodeTable, *, chance: float = 0.5, weights: Mapping[int, float] | None = None) -> None:
        space = table.space
        self._table, self._n_units = table, len(space.units)
        of_units = unit_weights(space, weights)
        self._chances = chance * np.append(of_units / of_units.max(), 0.5)
        self._group = np.minimum(table.group, self._n_units)
        kinds = np.array([slot.kind for slot in space.slots])
        free = table.n_codes > 1
        self._wide = free & (kinds == "width")
        self._swappable = free & (kinds != "depth") & ~self._wide
        self._member = np.equal.outer(self._group, np.arange(self._n_units + 1)).astype(np.float32)

    def __call__(self, archs: Archs, rng: np.random.Generator) -> Archs:
        """Edit each arch.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots); members of the space.

        Returns
        -------
        uint8, shape (n, n_slots). An arch that nothing can be done with is returned as it is.
        """
        swappable = self._table.active(archs) & self._swappable
        possible = self._possible(archs, swappable)
        rows, groups = np.nonzero(_draw_some(self._chances * possible.any(axis=2), rng))
        order = np.cumsum(possible[rows, groups], axis=1)
        pick = np.floor(rng.random(len(rows)) * order[:, -1]).astype(np.int64)
        edit = (order <= pick[:, None]).sum(axis=1)
        children = archs.copy()
        for kind, slots in ((SWAP, swappable), (WIDEN, np.broadcast_to(self._wide, swappable.shape))):
            chosen = edit == kind
            self._swap(children, rows[chosen], groups[chosen], slots, rng)
        for kind, step in ((INSERT, 1), (REMOVE, -1)):
            for group in range(self._n_units):
                self._step_depth(children, rows[(edit == kind) & (groups == group)], group, step, rng)
        return children

    def _possible(self, archs: Archs, swappable: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which edits can be made: bool, shape (n, n_groups, 4)."""
        table = self._table
        possible = np.zeros((len(archs), self._n_units + 1, 4), bool)
        possible[:, :, SWAP] = (swappable @ self._member) > 0
        possible[:, :, WIDEN] = (self._wide @ self._member) > 0
        for group, unit in enumerate(table.space.units):
            if unit.depth is not None:
                place = table.place[unit.depth, archs[:, unit.depth]]
                possible[:, group, INSERT] = place < table.n_codes[unit.depth] - 1
                possible[:, group, REMOVE] = place > 0
        return possible

    def _swap(
        self, children: Archs, rows: Ints, groups: Ints, slots: NDArray[np.bool_], rng: np.random.Generator
    ) -> None:
        inside = slots[rows] & (self._group == groups[:, None])
        chosen = np.argmax(np.where(inside, rng.random(inside.shape), -1.0), axis=1)
        children[rows, chosen] = self._table.redraw(chosen, children[rows, chosen], rng)

    def _step_depth(self, children: Archs, rows: Ints, group: int, step: int, rng: np.random.Generator) -> None:
        """Insert or remove blocks at random places of one unit, in place."""
        if not len(rows):
            return
        table, unit = self._table, self._table.space.units[group]
        assert unit.depth is not None
        layers, depths = np.array(unit.layers), np.minimum(unit.depths, len(unit.layers))
        old = children[rows, unit.depth]
        new = table.codes[unit.depth, table.place[unit.depth, old].astype(np.int64) + step]
        children[rows, unit.depth] = new
        before, after = depths[old][:, None], depths[new][:, None]
        # Of the longer sequence some places are drawn: those of the blocks that are inserted, or that are removed.
        longer = np.maximum(before, after)
        place = np.arange(len(layers))
        keys = np.where(place < longer, rng.random((len(rows), len(layers))), 2.0)
        drawn = np.argsort(np.argsort(keys, axis=1), axis=1) < longer - np.minimum(before, after)
        codes = children[np.ix_(rows, layers)]
        if step > 0:
            source = np.cumsum(~drawn, axis=1) - 1
            moved = np.take_along_axis(codes, np.maximum(source, 0), axis=1)
            codes = np.where(
                drawn, table.draw(np.broadcast_to(layers, codes.shape).ravel(), rng).reshape(codes.shape), moved
            )
        else:
            codes = np.take_along_axis(codes, np.argsort(drawn, axis=1, kind="stable"), axis=1)
        wrong = (place < after) & ~table.allowed[layers, codes]
        at, which = np.nonzero(wrong)
        codes[at, which] = table.draw(layers[which], rng)
        children[rows[:, None], layers] = np.where(place < after, codes, INACTIVE)

    def list_neighbours(self, archs: Archs) -> tuple[Archs, Ints]:
        """List every arch that the edit of a single unit of the given ones can make.

        Returns
        -------
        The neighbours, uint8 of shape (n_neighbours, n_slots), and for each the place of the arch it comes
        from. Some appear several times.
        """
        found: list[Archs] = []
        source: list[Ints] = []
        for rows, children in itertools.chain(self._all_swaps(archs), self._all_steps(archs)):
            if len(rows):
                found.append(children)
                source.append(rows)
        if not found:
            return archs[:0].copy(), np.zeros(0, np.int64)
        return np.concatenate(found), np.concatenate(source)

    def _all_swaps(self, archs: Archs) -> Iterator[tuple[Ints, Archs]]:
        table, active = self._table, self._table.active(archs)
        for slot in np.flatnonzero((self._swappable | self._wide) & (self._chances[self._group] > 0)):
            for code in table.space.allowed[slot]:
                rows = np.flatnonzero(active[:, slot] & (archs[:, slot] != code))
                children = archs[rows]
                children[:, slot] = code
                yield rows, children

    def _all_steps(self, archs: Archs) -> Iterator[tuple[Ints, Archs]]:
        table = self._table
        for group, unit in enumerate(table.space.units):
            if unit.depth is None or not self._chances[group]:
                continue
            place, layers = table.place[unit.depth, archs[:, unit.depth]], np.array(unit.layers)
            for old, new in itertools.permutations(range(int(table.n_codes[unit.depth])), 2):
                if abs(new - old) != 1:
                    continue
                rows = np.flatnonzero(place == old)
                before, after = (min(unit.depths[table.codes[unit.depth, step]], len(layers)) for step in (old, new))
                for kept in itertools.combinations(range(max(before, after)), min(before, after)):
                    children = archs[rows]
                    children[:, unit.depth] = table.codes[unit.depth, new]
                    children[:, unit.layers] = INACTIVE
                    some, first = layers[np.array(kept, np.int64)], layers[: len(kept)]
                    source, target = (first, some) if after > before else (some, first)
                    children[:, target] = archs[np.ix_(rows, source)]
                    yield self._fill(rows, children, unit.layers[:after])

    def _fill(self, rows: Ints, children: Archs, layers: Sequence[int]) -> tuple[Ints, Archs]:
        """Give every layer that holds no allowed block each of those that are."""
        for slot in layers:
            wrong = ~self._table.allowed[slot, children[:, slot]]
            if wrong.any():
                codes = np.array(self._table.space.allowed[slot], np.uint8)
                filled = np.repeat(children[wrong], len(codes), axis=0)
                filled[:, slot] = np.tile(codes, int(wrong.sum()))
                children = np.concatenate([children[~wrong], filled])
                rows = np.concatenate([rows[~wrong], np.repeat(rows[wrong], len(codes))])
        return rows, children


def _draw_some(chances: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw independent events, given that at least one of a row happens.

    Parameters
    ----------
    chances
        float64, shape (n, m), from 0 to 1. A row of zeros stays empty.

    Returns
    -------
    bool, shape (n, m).

    Notes
    -----
    The first event is drawn by its chance of being the first, the later ones independently; nothing is repeated.
    """
    none_before = np.cumprod(np.column_stack([np.ones(len(chances)), 1 - chances]), axis=1)
    first_is = np.cumsum(chances * none_before[:, :-1], axis=1)
    first = (rng.random(len(chances))[:, None] * first_is[:, -1:] >= first_is).sum(axis=1)
    place = np.arange(chances.shape[1])
    later = (place > first[:, None]) & (rng.random(chances.shape) < chances)
    events: NDArray[np.bool_] = later | (place == first[:, None])
    return events
