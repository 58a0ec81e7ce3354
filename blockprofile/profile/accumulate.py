"""The state of a profile while archs come in: moments and quantiles, mergeable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.profile.pool import PoolQuantiles
from blockprofile.profile.pool_moments import PoolMoments
from blockprofile.profile.rows import KeptRows
from blockprofile.profile.sketch import SketchQuantiles
from blockprofile.space import Archs, Space

EXACT_LIMIT = 4_000_000
"""Up to so many archs quantiles are exact over the pool, which is then held in memory."""


class Accumulator:
    """Moments and quantiles of several metrics over the archs seen so far.

    Parameters
    ----------
    n_planned
        How many archs will come: decides whether quantiles are exact or sketched.
    """

    def __init__(self, space: Space, metrics: Sequence[str], *, n_planned: int) -> None:
        self.space, self.metrics = space, tuple(metrics)
        self.is_exact = n_planned <= EXACT_LIMIT
        self.first: KeptRows | None = None
        self.moments = PoolMoments(space, metrics)
        self.quantiles: PoolQuantiles | SketchQuantiles = (
            PoolQuantiles(space, metrics) if self.is_exact else SketchQuantiles(space, metrics, n_planned=n_planned)
        )

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.float32]]) -> None:
        """Take in archs and their metrics."""
        self.moments.add(archs, values)
        self.quantiles.add(archs, values)
        if self.first is None and len(archs):
            self.first = KeptRows.first(archs, values)

    def merge(self, other: Accumulator) -> None:
        """Add what another accumulator of the same kind has seen, as if its archs came after ours.

        Raises
        ------
        ValueError
            If one has exact and the other sketched quantiles.
        """
        if self.is_exact != other.is_exact:
            raise ValueError("accumulators with exact and with sketched quantiles cannot be merged")
        self.first = self.first or other.first
        self.moments.merge(other.moments)
        self.quantiles.merge(other.quantiles)  # type: ignore[arg-type]  # both were planned alike
