"""Filling the processor's caches as the rest of a network would."""

from __future__ import annotations

import numpy as np

from blockprofile.space import CompiledSum, Space, draw_archs, factorize

SAMPLE = 1000
ELEMENT_BYTES = 4


class CacheFiller:
    """Read as many bytes as a network's weights have, each time it is called.

    Examples
    --------
    >>> CacheFiller(1_000_000)()
    0.0
    """

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        # Written once, so that every page is memory of its own and not the system's one page of zeros.
        self._buffer = np.ones(max(1, n_bytes // ELEMENT_BYTES), np.float32)
        self._buffer *= 0

    def __call__(self) -> float:
        """Read the buffer from one end to the other."""
        return float(self._buffer.sum())


def typical_weight_bytes(space: Space, *, seed: int = 0) -> int:
    """Return the mean size of a random arch's weights in bytes, at four bytes each."""
    params = CompiledSum(space, [factorize(space, lambda op: op.params)])
    archs = draw_archs(space, SAMPLE, np.random.default_rng(seed))
    return int(ELEMENT_BYTES * params(archs).mean())
