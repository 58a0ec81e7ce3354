"""The archs that an audit times: spread over the latency range of a space, not crowded in its middle."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.predict import Predictor
from blockprofile.space import INACTIVE, Archs, Space, draw_archs

POOL = 4096
CONCENTRATION = 0.5


def _skewed_codes(weights: NDArray[np.float64], codes: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw one code a row with each row's own weights over all codes, those that are not allowed left out."""
    allowed = np.cumsum(weights[:, list(codes)] + 1e-12, axis=1)
    picks = (rng.random((len(weights), 1)) * allowed[:, -1:] >= allowed).sum(axis=1)
    drawn: NDArray[np.uint8] = np.asarray(codes, np.uint8)[np.minimum(picks, len(codes) - 1)]
    return drawn


def draw_skewed(space: Space, n: int, rng: np.random.Generator) -> Archs:
    """Draw archs that lean to extremes: each has its own Dirichlet(0.5) law over depths, over widths and over blocks.

    Returns
    -------
    uint8, shape (n, n_slots); members of the space.
    """
    archs = draw_archs(space, n, rng)
    laws: dict[tuple[str, int], NDArray[np.float64]] = {}
    for slot in space.slots:
        key = (slot.kind, slot.n_choices)
        if key not in laws:
            laws[key] = rng.dirichlet(np.full(slot.n_choices, CONCENTRATION), n)
        archs[:, slot.index] = _skewed_codes(laws[key], space.allowed[slot.index], rng)
    depths = space.depths(archs)
    for slot in space.layer_slots:
        archs[depths[:, slot.unit - 1] < slot.layer, slot.index] = INACTIVE
    return archs


def spread_archs(space: Space, predictor: Predictor, n: int, rng: np.random.Generator) -> Archs:
    """Draw ``n`` distinct archs whose predicted values are as evenly spread over the space's range as can be.

    Half of the pool that they are picked from is drawn by the papers' law, half by `draw_skewed`.

    Returns
    -------
    uint8, shape (n, n_slots), from the least to the greatest predicted value; fewer where the space is smaller.
    """
    pool = np.concatenate([draw_archs(space, POOL, rng), draw_skewed(space, POOL, rng)])
    pool = np.unique(pool, axis=0)
    values = predictor.predict(pool).astype(np.float64)
    order = np.argsort(values, kind="stable")
    if len(order) <= n:
        return np.ascontiguousarray(pool[order])
    targets = np.linspace(values[order[0]], values[order[-1]], n)
    chosen: list[int] = []
    free = np.ones(len(pool), dtype=bool)
    for target in targets:
        distance = np.where(free, np.abs(values - target), np.inf)
        best = int(np.argmin(distance))
        free[best] = False
        chosen.append(best)
    return np.ascontiguousarray(pool[sorted(chosen, key=lambda index: values[index])])
