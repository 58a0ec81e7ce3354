"""Chunks: counts as people write them, and pools that are prefixes of larger ones."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.run.chunks import CHUNK_SIZE, chunk_length, draw_chunk, n_chunks
from blockprofile.space import Space


def test_chunk_lengths_add_up() -> None:
    for n in (1, CHUNK_SIZE - 1, CHUNK_SIZE, CHUNK_SIZE + 1, 3 * CHUNK_SIZE + 5):
        assert sum(chunk_length(n, index) for index in range(n_chunks(n))) == n


def test_a_smaller_pool_begins_a_larger_one(moga: Space) -> None:
    small = draw_chunk(moga, seed=3, index=0, n=100)
    large = draw_chunk(moga, seed=3, index=0, n=10**6)
    np.testing.assert_array_equal(small, large[:100])


def test_chunks_and_seeds_differ(moga: Space) -> None:
    first, second, other = (
        draw_chunk(moga, seed=seed, index=index, n=10**6) for seed, index in [(0, 0), (0, 1), (1, 0)]
    )
    assert (first != second).mean() > 0.5
    assert (first != other).mean() > 0.5


def test_a_negative_seed_is_refused(moga: Space) -> None:
    with pytest.raises(OptionError, match="seed -1"):
        draw_chunk(moga, seed=-1, index=0, n=1)
