"""Main effects and interactions from a pool's pair sums, fold by fold.

A pool shows a layer's code only where the layer is active. What the decomposition asks for, the metric's mean
given two independent inputs, is a fixed linear map of what the pool shows: its weights are those of the depths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.sensitivity.anova import Term, slot_laws
from blockprofile.sensitivity.pair_sums import PairSums
from blockprofile.space import Law, Slot, Space


def _shown(slot: Slot, depth: int) -> NDArray[np.float64]:
    """Map inputs to what an arch shows when the slot's unit is ``depth`` deep: shape (n_choices, n_codes)."""
    if slot.kind != "layer":
        return np.eye(slot.n_choices)
    shown = np.zeros((slot.n_choices, slot.n_choices + 1))
    if depth >= slot.layer:
        shown[:, : slot.n_choices] = np.eye(slot.n_choices)
    else:
        shown[:, slot.n_choices] = 1.0
    return shown


class _Inputs:
    """What each slot shows, by its unit's depth and on average."""

    def __init__(self, space: Space, law: Law) -> None:
        self.space = space
        self.laws = slot_laws(space, law=law)

    def depths(self, slot: Slot) -> list[tuple[float, int, int]]:
        """Return (probability, depth, code) of the depth that rules a layer; one sure entry for other slots."""
        if slot.kind != "layer":
            return [(1.0, 0, 0)]
        unit = self.space.units[slot.unit - 1]
        if unit.depth is None:
            return [(1.0, unit.depths[0], 0)]
        codes = self.space.allowed[unit.depth]
        return [(float(self.laws[unit.depth][code]), unit.depths[code], code) for code in codes]

    def on_average(self, slot: Slot) -> NDArray[np.float64]:
        found = [chance * _shown(slot, depth) for chance, depth, _ in self.depths(slot)]
        return np.asarray(np.sum(found, axis=0))

    def pair(self, first: Slot, second: Slot, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Map a table over shown codes to one over inputs: shape (..., n_choices, n_choices)."""
        if first.kind == "depth" and second.kind == "layer" and first.unit == second.unit:
            rows = np.zeros((*table.shape[:-2], first.n_choices, second.n_choices))
            for _, depth, code in self.depths(second):
                rows[..., code, :] = table[..., code, :] @ _shown(second, depth).T
            return np.asarray(rows)
        if first.kind == second.kind == "layer" and first.unit == second.unit:
            parts = [
                chance * (_shown(first, depth) @ table @ _shown(second, depth).T)
                for chance, depth, _ in self.depths(first)
            ]
            return np.asarray(np.sum(parts, axis=0))
        return np.asarray(self.on_average(first) @ table @ self.on_average(second).T)


def _means(sums: PairSums, metric: str, chances: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate E[M - c | two shown codes] in each fold, c the pool's mean, by dividing sums by expected counts."""
    totals = sums.totals[metric]
    centre = totals[:, 1].sum() / totals[:, 0].sum()
    deviations = sums.sums[metric] - centre * sums.counts
    expected = totals[:, 0, None, None] * chances
    return np.asarray(np.divide(deviations, expected, out=np.zeros_like(deviations), where=expected > 0), np.float64)


def _chances(sums: PairSums, inputs: _Inputs) -> NDArray[np.float64]:
    """Return the probability of every pair of shown codes, shape (n_columns, n_columns); of one on the diagonal."""
    slots, bounds = sums.space.slots, sums.bounds
    chances = np.zeros((int(bounds[-1]), int(bounds[-1])))
    for first in slots:
        rows = slice(bounds[first.index], bounds[first.index + 1])
        alone = inputs.laws[first.index] @ inputs.on_average(first)
        chances[rows, rows] = np.diag(alone)
        for second in slots[first.index + 1 :]:
            columns = slice(bounds[second.index], bounds[second.index + 1])
            chances[rows, columns] = _joint(inputs, first, second)
    return chances


def _joint(inputs: _Inputs, first: Slot, second: Slot) -> NDArray[np.float64]:
    laws = inputs.laws
    if first.kind == "depth" and second.kind == "layer" and first.unit == second.unit:
        found = np.zeros((first.n_choices, second.n_choices + 1))
        for chance, depth, code in inputs.depths(second):
            found[code] = chance * (laws[second.index] @ _shown(second, depth))
        return found
    if first.kind == second.kind == "layer" and first.unit == second.unit:
        parts = [
            chance * np.outer(laws[first.index] @ _shown(first, depth), laws[second.index] @ _shown(second, depth))
            for chance, depth, _ in inputs.depths(first)
        ]
        return np.asarray(np.sum(parts, axis=0))
    return np.outer(laws[first.index] @ inputs.on_average(first), laws[second.index] @ inputs.on_average(second))


def pair_effects(
    sums: PairSums, metric: str, terms: Sequence[Term], *, law: Law = "papers"
) -> Iterator[tuple[Term, NDArray[np.float64]]]:
    """Yield main effects and interactions as estimated in each fold.

    Parameters
    ----------
    sums
        The pool's sums; its archs were drawn by ``law``.
    terms
        Single slots and pairs.

    Yields
    ------
    Term, and float64 of shape (n_folds, entries of the term's table). Each estimate is linear in the metric and
    without bias; each averages to zero over any of its slots.
    """
    space, bounds = sums.space, sums.bounds
    inputs = _Inputs(space, law)
    means = _means(sums, metric, _chances(sums, inputs))
    for term in terms:
        first = space.slots[term[0]]
        rows = slice(bounds[first.index], bounds[first.index + 1])
        if len(term) == 1:
            alone = np.diagonal(means[:, rows, rows], axis1=1, axis2=2) @ inputs.on_average(first).T
            yield term, alone - (alone @ inputs.laws[first.index])[:, None]
            continue
        second = space.slots[term[1]]
        columns = slice(bounds[second.index], bounds[second.index + 1])
        table = inputs.pair(first, second, means[:, rows, columns])
        table = table - (inputs.laws[first.index] @ table)[:, None, :]
        table = table - (table @ inputs.laws[second.index])[..., None]
        yield term, table.reshape(len(table), -1)
