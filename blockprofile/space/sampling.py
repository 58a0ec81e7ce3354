"""Random architectures under the two laws.

Nothing here knows of files or chunks: a generator comes in, archs go out.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import check_choice
from blockprofile.space.counting import depth_counts
from blockprofile.space.slots import INACTIVE, Archs
from blockprofile.space.space import Space

Law = Literal["papers", "architectures"]
LAWS: tuple[Law, ...] = get_args(Law)


def check_law(law: str) -> Law:
    """Return ``law`` if it is one of `LAWS`.

    Raises
    ------
    OptionError
        If it is not.
    """
    return check_choice("law", law, LAWS)


def depth_probabilities(space: Space, unit: int, law: Law = "papers") -> NDArray[np.float64]:
    """Return the law of a unit's depth.

    Returns
    -------
    float64, one probability for each depth of ``space.unit_depths(unit)``: equal ones under ``papers``; in
    proportion to the number of ways to fill the unit under ``architectures``.
    """
    counts = depth_counts(space, unit)
    if law == "papers":
        return np.full(len(counts), 1.0 / len(counts))
    total = sum(counts.values())
    return np.array([count / total for count in counts.values()])


def _uniform_codes(rng: np.random.Generator, codes: tuple[int, ...], n: int) -> NDArray[np.uint8]:
    draws = rng.integers(0, len(codes), size=n, dtype=np.uint8)
    if codes == tuple(range(len(codes))):
        return draws
    return np.asarray(codes, np.uint8)[draws]


def draw_archs(space: Space, n: int, rng: np.random.Generator, *, law: Law = "papers") -> Archs:
    """Draw architectures at random, with replacement.

    Under ``papers`` a unit's depth is uniform over its depths and each active layer's block is uniform over
    its blocks (BlockProfile, section 3; Once-for-All). Under ``architectures`` every arch of the space is
    equally likely. Options, widths and a searched resolution are uniform under both.

    Parameters
    ----------
    n
        How many, at least 0.
    law
        One of `LAWS`.

    Returns
    -------
    uint8, shape (n, n_slots), C-contiguous.

    Notes
    -----
    O(n * n_slots) time and 2 * n * n_slots bytes.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> draw_archs(load_space("moga"), 2, np.random.default_rng(0)).shape
    (2, 14)
    """
    columns = np.empty((space.n_slots, n), dtype=np.uint8)
    for slot in space.slots:
        if slot.kind in {"resolution", "option", "width"}:
            columns[slot.index] = _uniform_codes(rng, space.allowed[slot.index], n)
    for unit in space.units:
        depth_of = np.full(n, unit.depths[0], dtype=np.uint8)
        if unit.depth is not None:
            codes = np.asarray(space.allowed[unit.depth], np.uint8)
            if law == "papers":
                picked = _uniform_codes(rng, space.allowed[unit.depth], n)
            else:
                bounds = np.cumsum(depth_probabilities(space, unit.unit, law))[:-1]
                picked = codes[np.searchsorted(bounds, rng.random(n), side="right")]
            columns[unit.depth] = picked
            depth_of = np.asarray(unit.depths, np.uint8)[picked]
        for layer, index in enumerate(unit.layers, start=1):
            columns[index] = _uniform_codes(rng, space.allowed[index], n)
            if layer > min(unit.depths):
                columns[index][depth_of < layer] = INACTIVE
    return np.ascontiguousarray(columns.T)
