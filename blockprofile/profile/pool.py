"""Quantiles of responses, exact over a pool that is held in memory.

For every metric the pool is sorted once; a cell's archs are then found in ascending order by looking along the
sorted codes, without sorting again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, Target, transpose
from blockprofile.profile.quantiles import EVEN, QuantileEstimate, weighted_quantiles
from blockprofile.space import INACTIVE, Archs, Space


class PoolQuantiles:
    """Archs and metrics kept as they come, in order."""

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

    def _whole(self) -> NDArray[np.uint8]:
        """Return the codes of all archs, one row for each slot; they are put together once, whoever asks."""
        if len(self._columns) > 1:
            self._columns = [np.concatenate(self._columns, axis=1)]
        return self._columns[0]

    def overall(self, metric: str, taus: Sequence[float]) -> QuantileEstimate:
        """Return quantiles over all archs."""
        values = np.concatenate(self._values[metric])
        values.sort()
        return weighted_quantiles(values, None, taus)

    def of_targets(
        self,
        metric: str,
        targets: Sequence[Target],
        groups: Sequence[Group],
        taus: Sequence[float],
        whole: QuantileEstimate,
    ) -> Iterator[QuantileEstimate | None]:
        """Yield quantiles under each target, in order; None where no arch of the pool counts.

        ``groups`` are those that the targets' weights are over, ``whole`` the quantiles over all archs.
        """
        values = np.concatenate(self._values[metric])
        order = np.argsort(values)
        ascending = values[order]
        columns = np.take(self._whole(), order, axis=1)
        del values, order  # metrics are done several at once, and a pool is large
        finder = _RankFinder(self.space, columns)
        cells: dict[int, NDArray[np.int32]] = {}
        for target in targets:
            group = groups[target.group]
            ranks = finder.find(target, group)
            positive = target.weights[target.weights > 0]
            if len(ranks) == 0:
                yield None
            elif np.ptp(positive) < EVEN:
                yield weighted_quantiles(ascending[ranks], None, taus, whole)
            else:
                if target.group not in cells:
                    cells = {target.group: group.number(columns)}
                weights = target.weights[cells[target.group][ranks]]
                kept = weights > 0
                yield weighted_quantiles(ascending[ranks[kept]], weights[kept], taus, whole)


class _RankFinder:
    """Find the ranks of the archs that a target may count, in archs sorted by a metric.

    Each slot's ranks are grouped by code once (a stable radix sort); targets of one slot come together.
    """

    def __init__(self, space: Space, columns: NDArray[np.uint8]) -> None:
        self.space, self.columns = space, columns
        self._slot = -1
        self._by_code: NDArray[np.intp] = np.empty(0, np.intp)
        self._starts: NDArray[np.intp] = np.empty(0, np.intp)

    def _of_codes(self, slot: int, codes: NDArray[np.integer]) -> NDArray[np.intp]:
        if slot != self._slot:
            self._slot = slot
            self._by_code = np.argsort(self.columns[slot], kind="stable")
            counts = np.bincount(self.columns[slot], minlength=256)
            self._starts = np.concatenate([[0], np.cumsum(counts)])
        parts = [self._by_code[self._starts[code] : self._starts[code + 1]] for code in codes]
        return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))

    def find(self, target: Target, group: Group) -> NDArray[np.intp]:
        """Return ascending ranks; what a code alone cannot tell is left to the weights."""
        positive = target.weights > 0
        ranks: NDArray[np.intp] | None = None
        # The layer's own slot comes last in its group and leaves the fewest archs: look there first.
        for place in reversed(range(len(group.slots))):
            slot, size = group.slots[place], group.shape[place]
            codes = np.unique(group.codes[place][positive])
            if len(codes) == size:
                continue
            if self.space.slots[slot].kind == "layer":
                codes = np.where(codes == size - 1, INACTIVE, codes)
            if ranks is None:
                ranks = self._of_codes(slot, codes)
            else:
                ranks = ranks[np.isin(self.columns[slot][ranks], codes.astype(np.uint8))]
        return np.arange(self.columns.shape[1]) if ranks is None else ranks
