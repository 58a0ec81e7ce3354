"""An additive metric as a chain: slot after slot, with the few earlier slots that still matter as its state.

Drawing an arch is a walk through the slots in order. What a slot's law and the factors of an additive metric
still need to know of the slots before it (a unit's depth, the width it started from) is the state; everything
else is forgotten. Each step lists all moves from a state to the next one, with the move's probability and
what it adds to the metrics. Means, variances, extremes, distributions and draws are sweeps over these moves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.space import Factor, Law, Slot, Space, depth_probabilities

MAX_MOVES = 1 << 20
"""Moves of one step: beyond a million the metric couples too many slots for a sweep to be worth it."""


@dataclass(frozen=True, slots=True)
class Step:
    """All moves through one slot; the arrays have one entry for each move, ordered by source.

    Parameters
    ----------
    source, target
        The states before and after, counted from 0.
    code
        The slot's code, intp; ``slot.n_choices`` stands for an inactive layer.
    depth, width
        For a layer, the codes of its unit's depth and width; 0 where they are fixed and for every other slot.
    probability
        Of the move, given its source.
    cost
        What the move adds to each metric, shape (n_metrics, n_moves).
    n_sources, n_targets
        How many states there are.
    """

    slot: Slot
    source: NDArray[np.intp]
    target: NDArray[np.intp]
    code: NDArray[np.intp]
    depth: NDArray[np.intp]
    width: NDArray[np.intp]
    probability: NDArray[np.float64]
    cost: NDArray[np.float64]
    n_sources: int
    n_targets: int


@dataclass(frozen=True, slots=True)
class Chain:
    """A space's law and one or more additive metrics, slot after slot.

    ``constant`` is the part of each metric that no slot decides, shape (n_metrics,). There is one state before
    the first step and one after the last.
    """

    space: Space
    steps: tuple[Step, ...]
    constant: NDArray[np.float64]


def build_chain(space: Space, sums: Sequence[Sequence[Factor]], *, law: Law = "papers") -> Chain:
    """Lay out the moves of a space's law and of additive metrics.

    Parameters
    ----------
    sums
        The factors of each metric.

    Raises
    ------
    OptionError
        If factors couple so many slots that a step would have more than a million moves.

    Notes
    -----
    The work grows with the number of moves: a few dozen a slot where costs belong to single layers.
    """
    relations = [factor.scope for factors in sums for factor in factors]
    for unit in space.units:
        decided = [index for index in (unit.width, unit.depth) if index is not None]
        relations.append((*decided, unit.layers[-1]))
    last_need = list(range(space.n_slots))
    for scope in relations:
        for index in scope:
            last_need[index] = max(last_need[index], *scope)
    constant = np.array([sum(float(f.table) for f in factors if not f.scope) for factors in sums], np.float64)
    by_last: list[list[list[Factor]]] = [[[] for _ in sums] for _ in space.slots]
    for output, factors in enumerate(sums):
        for factor in factors:
            if factor.scope:
                by_last[max(factor.scope)][output].append(factor)
    states = _States((), np.zeros((1, 0), np.intp))
    steps = []
    for slot in space.slots:
        step, states = _advance(space, slot, states, (by_last[slot.index], last_need, law))
        steps.append(step)
    return Chain(space, tuple(steps), constant)


@dataclass(frozen=True, slots=True)
class _States:
    """The slots that are remembered, and every assignment of codes to them, one a row."""

    slots: tuple[int, ...]
    codes: NDArray[np.intp]

    def column(self, slot: int) -> NDArray[np.intp]:
        return self.codes[:, self.slots.index(slot)]


def _choices(space: Space, slot: Slot, law: Law) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the codes of a slot and their law; for a layer, while it is active."""
    codes = np.asarray(space.allowed[slot.index], np.intp)
    if slot.kind == "depth":
        return codes, depth_probabilities(space, slot.unit, law)
    return codes, np.full(len(codes), 1.0 / len(codes))


def _advance(
    space: Space, slot: Slot, states: _States, context: tuple[list[list[Factor]], list[int], Law]
) -> tuple[Step, _States]:
    factors, last_need, law = context
    codes, chances = _choices(space, slot, law)
    n_states = len(states.codes)
    if n_states * len(codes) > MAX_MOVES:
        names = ", ".join(space.slots[index].name for index in states.slots)
        raise OptionError(
            f"the metric couples slot {slot.name!r} with {names}: {n_states * len(codes)} combinations, "
            f"at most {MAX_MOVES} are handled exactly"
        )
    depth, width = np.zeros(n_states, np.intp), np.zeros(n_states, np.intp)
    active = np.ones(n_states, bool)
    if slot.kind == "layer":
        unit = space.units[slot.unit - 1]
        if unit.depth is not None:
            depth = states.column(unit.depth)
        if unit.width is not None:
            width = states.column(unit.width)
        active = np.asarray(unit.depths)[depth] >= slot.layer
    moves_per_state = np.where(active, len(codes), 1)
    source = np.repeat(np.arange(n_states), moves_per_state)
    rank = np.arange(len(source)) - np.repeat(np.cumsum(moves_per_state) - moves_per_state, moves_per_state)
    is_active = active[source]
    code = np.where(is_active, codes[np.where(is_active, rank, 0)], slot.n_choices)
    probability = np.where(is_active, chances[np.where(is_active, rank, 0)], 1.0)

    known = {index: states.column(index)[source] for index in states.slots} | {slot.index: code}
    cost = np.zeros((len(factors), len(source)))
    for output, terms in enumerate(factors):
        for term in terms:
            cost[output] += term.table[tuple(known[index] for index in term.scope)]
    kept = tuple(index for index in (*states.slots, slot.index) if last_need[index] > slot.index)
    rows, target = _distinct([known[index] for index in kept], len(source))
    after = _States(kept, rows)
    step = Step(
        slot, source, target, code, depth[source], width[source], probability, cost, n_states, len(rows)
    )  # fmt: skip
    return step, after


def _distinct(columns: list[NDArray[np.intp]], n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct rows of some columns and which of them each row is."""
    if not columns:
        return np.zeros((1, 0), np.intp), np.zeros(n, np.intp)
    sizes = [int(column.max()) + 1 for column in columns]
    if math.prod(sizes) >= 1 << 62:
        rows, inverse = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
        return rows, inverse.reshape(-1)
    keys, inverse = np.unique(np.ravel_multi_index(columns, sizes), return_inverse=True)
    return np.stack(np.unravel_index(keys, sizes), axis=1).astype(np.intp), inverse.reshape(-1)
