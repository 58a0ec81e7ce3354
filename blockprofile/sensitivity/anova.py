"""Which slots a metric's variance comes from, exactly, for additive metrics: the functional ANOVA of a space.

The inputs are the slots, all drawn independently: a layer's block is drawn whether the unit is deep enough to
use it or not. So the decomposition into main effects and interactions exists and is unique (Hoeffding, 1948;
Sobol', 1993). A block matters only where its layer is active, which makes the unit's depth and the block
interact: the share of "the block, given the depth" is the sum of the block's main effect and that interaction.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.space import Factor, Law, Space, depth_probabilities

Term = tuple[int, ...]
"""Slot indices, ascending: one slot for a main effect, more for an interaction."""

MAX_ENTRIES = 1 << 24


def slot_laws(space: Space, *, law: Law = "papers") -> tuple[NDArray[np.float64], ...]:
    """Return the law of every slot's code; a layer's while it is active. Codes not allowed have probability 0."""
    laws = []
    for slot in space.slots:
        chances = np.zeros(slot.n_choices)
        codes = list(space.allowed[slot.index])
        is_depth = slot.kind == "depth"
        chances[codes] = depth_probabilities(space, slot.unit, law) if is_depth else 1.0 / len(codes)
        laws.append(chances)
    return tuple(laws)


def _on_inputs(space: Space, factor: Factor) -> tuple[Term, NDArray[np.float64]]:
    """Write a factor as a table over independent inputs: its slots and the depths that rule its layers."""
    depths = {space.units[space.slots[index].unit - 1].depth for index in _layers(space, factor.scope)}
    inputs = tuple(sorted({*factor.scope, *(index for index in depths if index is not None)}))
    shape = tuple(space.slots[index].n_choices for index in inputs)
    if int(np.prod(shape, dtype=np.float64)) > MAX_ENTRIES:
        names = ", ".join(space.slots[index].name for index in inputs)
        raise OptionError(f"a factor couples {names}; at most {MAX_ENTRIES} combinations are handled exactly")
    codes = dict(zip(inputs, np.indices(shape, sparse=True), strict=True))
    seen = []
    for index in factor.scope:
        slot = space.slots[index]
        code = codes[index]
        if slot.kind == "layer":
            unit = space.units[slot.unit - 1]
            depth = np.asarray(unit.depths)[0 if unit.depth is None else codes[unit.depth]]
            code = np.where(depth >= slot.layer, code, slot.n_choices)
        seen.append(code)
    return inputs, np.broadcast_to(factor.table[tuple(seen)], shape)


def _layers(space: Space, scope: Sequence[int]) -> list[int]:
    return [index for index in scope if space.slots[index].kind == "layer"]


def decompose(
    space: Space, factors: Sequence[Factor], *, law: Law = "papers", max_order: int | None = None
) -> dict[Term, NDArray[np.float64]]:
    """Split an additive metric into its mean, main effects and interactions, exactly.

    Parameters
    ----------
    max_order
        The largest number of slots of a component; None for all.

    Returns
    -------
    Component of each term, float64, one axis for each slot of the term; ``()`` is the mean. The components add
    up to the metric, and each averages to zero over any of its slots. Terms without any effect are missing.

    Raises
    ------
    OptionError
        If a factor couples too many slots.

    References
    ----------
    Hoeffding, A Class of Statistics with Asymptotically Normal Distribution, 1948. Sobol', Sensitivity Estimates
    for Nonlinear Mathematical Models, 1993.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> ofa = load_space("ofa_mbv3")
    >>> parts = decompose(ofa, factorize(ofa, lambda op: op.macs / 1e6))
    >>> round(float(parts[()]), 1), parts[ofa.slot("u1_depth").index,].round(1).tolist()
    (421.4, [-39.9, 0.0, 39.9])
    """
    laws = slot_laws(space, law=law)
    found: dict[Term, NDArray[np.float64]] = {}
    for factor in factors:
        inputs, table = _on_inputs(space, factor)
        for term, part in _components(inputs, np.asarray(table, np.float64), laws, max_order):
            found[term] = found[term] + part if term in found else part
    return found


def _components(
    inputs: Term, table: NDArray[np.float64], laws: Sequence[NDArray[np.float64]], max_order: int | None
) -> list[tuple[Term, NDArray[np.float64]]]:
    found = []
    orders = range(min(len(inputs), len(inputs) if max_order is None else max_order) + 1)
    for term in itertools.chain.from_iterable(itertools.combinations(inputs, order) for order in orders):
        part = table
        for axis, index in enumerate(inputs):
            weights = laws[index].reshape([-1 if place == axis else 1 for place in range(len(inputs))])
            mean = (part * weights).sum(axis=axis, keepdims=True)
            part = part - mean if index in term else mean
        part = part.reshape([len(laws[index]) for index in term])
        if not term or np.abs(part).max() > 1e-13 * np.abs(table).max():
            found.append((term, part))
    return found


def component_variance(term: Term, part: NDArray[np.float64], laws: Sequence[NDArray[np.float64]]) -> float:
    """Return the variance of a component under the slots' laws."""
    square = part * part
    for index in reversed(term):
        square = square @ laws[index]
    return float(square)
