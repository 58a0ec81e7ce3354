"""Archs to label for the training of a predictor: typical ones and extreme ones, drawn from a seed.

Half of them follow the papers' law. The other half have a law each: for every kind of choice (depth, kernel, expansion,
width ...) the weights of its values are drawn from a Dirichlet distribution, so that networks with large kernels alone,
or shallow throughout, are among them; searches end there, and the papers' law hardly ever does.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict.features import choice_features
from blockprofile.space.sampling import draw_archs
from blockprofile.space.slots import INACTIVE, Archs, Slot
from blockprofile.space.space import Space

__all__ = ["Design", "choice_kinds", "draw_design", "draw_extreme", "slot_features"]

CONCENTRATION = 0.5
CHUNK = 65_536


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """Archs to label: uint8 of shape (n, n_slots), and the input resolution of each, int64 of shape (n,)."""

    archs: Archs
    resolutions: NDArray[np.int64]


def draw_design(space: Space, n: int, *, seed: int) -> Design:
    """Draw archs to label, and a resolution for each.

    The same seed gives the same archs, and a smaller design is the beginning of a larger one.

    Parameters
    ----------
    space
        The space; resolutions are uniform over those it knows.
    n
        How many, at least 1.
    seed
        At least 0.

    Raises
    ------
    OptionError
        If ``n`` or ``seed`` is out of range.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> design = draw_design(load_space("ofa_mbv3"), 4, seed=0)
    >>> design.archs.shape, sorted(set(design.resolutions) - {160, 176, 192, 208, 224})
    ((4, 25), [])
    """
    if n < 1 or seed < 0:
        raise OptionError(f"a design of {n} archs with seed {seed}; at least 1 arch and seed 0 are needed")
    starts = range(0, n, CHUNK)
    archs, resolutions = np.empty((n, space.n_slots), np.uint8), np.empty(n, np.int64)

    def draw(place: int) -> None:
        part = slice(starts[place], starts[place] + CHUNK)
        archs[part], resolutions[part] = _draw_chunk(space, seed, place, len(archs[part]))

    with ThreadPoolExecutor() as pool:
        list(pool.map(draw, range(len(starts))))
    return Design(archs, resolutions)


def _draw_chunk(space: Space, seed: int, place: int, n: int) -> tuple[Archs, NDArray[np.int64]]:
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(place,)))
    archs = np.empty((CHUNK, space.n_slots), np.uint8)
    archs[::2] = draw_archs(space, CHUNK // 2, rng)
    archs[1::2] = draw_extreme(space, CHUNK // 2, rng)
    choices = np.asarray(space.definition.input.resolutions, np.int64)
    return archs[:n], choices[rng.integers(0, len(choices), CHUNK)][:n]


def draw_extreme(space: Space, n: int, rng: np.random.Generator) -> Archs:
    """Draw archs each of which has a law of its own.

    Returns
    -------
    uint8, shape (n, n_slots).
    """
    kinds = choice_kinds(space)
    weights = {kind: rng.dirichlet([CONCENTRATION] * len(values), n) for kind, values in kinds.items()}
    archs = np.full((n, space.n_slots), INACTIVE, np.uint8)
    for slot in space.slots:
        codes = np.asarray(space.allowed[slot.index], np.uint8)
        share = np.ones((n, len(codes)))
        for place, code in enumerate(codes):
            for kind, value in slot_features(space, slot, int(code)):
                share[:, place] *= weights[kind][:, kinds[kind].index(value)]
        bounds = np.cumsum(share + np.finfo(float).tiny, axis=1)
        picked = (rng.random((n, 1)) * bounds[:, -1:] >= bounds[:, :-1]).sum(axis=1)
        archs[:, slot.index] = codes[picked]
    depths = space.depths(archs)
    for place, unit in enumerate(space.units):
        for layer, index in enumerate(unit.layers, start=1):
            if layer > min(unit.depths):
                archs[depths[:, place] < layer, index] = INACTIVE
    return archs


def slot_features(space: Space, slot: Slot, code: int) -> tuple[tuple[str, object], ...]:
    """List the kinds of choice that a code of a slot is made of, and their values."""
    if slot.kind in {"depth", "width"}:
        return ((slot.kind, code),)
    return choice_features(space, slot, slot.choices[code])


def choice_kinds(space: Space) -> dict[str, list[object]]:
    """List the values of every kind of choice."""
    kinds: dict[str, list[object]] = {}
    for slot in space.slots:
        for code in range(slot.n_choices):
            for kind, value in slot_features(space, slot, code):
                values = kinds.setdefault(kind, [])
                if value not in values:
                    values.append(value)
    return kinds
