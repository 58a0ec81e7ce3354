"""Chunks: the fixed pieces that a pool of archs is drawn in, each with a seed of its own.

Chunk i is seeded by ``SeedSequence(seed, spawn_key=(i,))``, so a pool is the same for any number of workers,
and a smaller pool is the beginning of a larger one.
"""

from __future__ import annotations

import numpy as np

from blockprofile.errors import OptionError
from blockprofile.space import Archs, Law, Space, draw_archs

CHUNK_SIZE = 65_536


def n_chunks(n: int) -> int:
    """Count the chunks of a pool of ``n`` archs."""
    return -(-n // CHUNK_SIZE)


def chunk_length(n: int, index: int) -> int:
    """Return how many archs of a pool of ``n`` stand in chunk number ``index``."""
    return min(CHUNK_SIZE, n - index * CHUNK_SIZE)


def chunk_rng(seed: int, index: int) -> np.random.Generator:
    """Return the generator of a chunk.

    Raises
    ------
    OptionError
        If the seed is negative.
    """
    if seed < 0:
        raise OptionError(f"seed {seed} must be at least 0")
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))


def draw_chunk(space: Space, *, seed: int, index: int, n: int, law: Law = "papers") -> Archs:
    """Draw chunk number ``index`` of a pool of ``n`` archs.

    The whole chunk is drawn and then cut, so that the last chunk of a smaller pool begins a larger one's.

    Returns
    -------
    uint8, shape (at most 65,536, n_slots).
    """
    return draw_archs(space, CHUNK_SIZE, chunk_rng(seed, index), law=law)[: chunk_length(n, index)]
