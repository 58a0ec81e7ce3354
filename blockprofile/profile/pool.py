"""Quantiles of responses, exact over a pool that is held in memory.

For every metric the pool is sorted once; a cell's archs are then found in ascending order by looking along the
sorted codes, without sorting again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.profile.groups import Group, transpose
from blockprofile.profile.quantiles import QuantileEstimate, weighted_quantiles
from blockprofile.profile.targets import Target
from blockprofile.space import INACTIVE, Archs, Space

__all__ = ["PoolQuantiles"]


class PoolQuantiles:
    """Archs and metrics kept as they come, in order.

    Parameters
    ----------
    space
        The space of the archs.
    metrics
        The metrics' names.
    """

    error: Mapping[str, float] = {}
    """Quantiles are exact over the pool; see `blockprofile.profile.sketch.SketchQuantiles` for the other kind."""

    def __init__(self, space: Space, metrics: Sequence[str]) -> None:
        self.space, self.metrics = space, tuple(metrics)
        self._columns: list[NDArray[np.uint8]] = []
        self._values: dict[str, list[NDArray[np.float32]]] = {name: [] for name in metrics}

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.float32]]) -> None:
        """Keep archs and their metrics."""
        self._columns.append(transpose(archs))
        for name in self.metrics:
            self._values[name].append(values[name])

    def merge(self, other: PoolQuantiles) -> None:
        """Append another pool of the same space and metrics."""
        self._columns += other._columns
        for name in self.metrics:
            self._values[name] += other._values[name]

    def overall(self, metric: str, taus: Sequence[float]) -> QuantileEstimate:
        """Return quantiles over all archs."""
        values = np.concatenate(self._values[metric])
        values.sort()
        return weighted_quantiles(values, None, taus)

    def of_targets(
        self, metric: str, targets: Sequence[Target], groups: Sequence[Group], taus: Sequence[float]
    ) -> Iterator[QuantileEstimate | None]:
        """Yield quantiles under each target, in order; None where no arch of the pool counts.

        ``groups`` are those that the targets' weights are over.
        """
        values = np.concatenate(self._values[metric])
        order = np.argsort(values, kind="stable")
        ascending = values[order]
        columns = np.concatenate(self._columns, axis=1)
        columns = np.take(columns, order, axis=1)
        cells: dict[int, NDArray[np.int32]] = {}
        for target in targets:
            group = groups[target.group]
            ranks, is_even = self._ranks(columns, target, group)
            if len(ranks) == 0:
                yield None
            elif is_even:
                yield weighted_quantiles(ascending[ranks], None, taus)
            else:
                if target.group not in cells:
                    cells = {target.group: group.number(columns)}
                weights = target.weights[cells[target.group][ranks]]
                kept = weights > 0
                yield weighted_quantiles(ascending[ranks[kept]], weights[kept], taus)

    def _ranks(self, columns: NDArray[np.uint8], target: Target, group: Group) -> tuple[NDArray[np.intp], bool]:
        """Find the ranks of the archs that may count, and tell whether they all count alike."""
        positive = target.weights > 0
        is_even = np.ptp(target.weights[positive]) < 1e-12
        ranks: NDArray[np.intp] | None = None
        # The layer's own slot comes last in its group and leaves the fewest archs: look there first.
        for place in reversed(range(len(group.slots))):
            slot, size = group.slots[place], group.shape[place]
            codes = np.unique(group.codes[place][positive])
            if len(codes) == size:
                continue
            if self.space.slots[slot].kind == "layer":
                codes = np.where(codes == size - 1, INACTIVE, codes)
            column = columns[slot] if ranks is None else columns[slot][ranks]
            kept = column == codes[0] if len(codes) == 1 else np.isin(column, codes.astype(np.uint8))
            ranks = np.flatnonzero(kept) if ranks is None else ranks[kept]
        return np.arange(columns.shape[1]) if ranks is None else ranks, bool(is_even)
