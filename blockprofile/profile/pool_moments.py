"""Mergeable moments of a pool: for every group cell the number of archs, and sums of each metric and its square.

Their size does not depend on the number of archs. Merging in the order of the chunks gives the same bits for
any number of workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, make_groups, transpose
from blockprofile.space import Archs, Space


class PoolMoments:
    """Counts and sums by group cell.

    Attributes
    ----------
    n
        How many archs.
    counts
        For each group int64, shape (n_cells,).
    sums, squares
        Metric -> for each group float64, shape (n_cells,).
    """

    def __init__(self, space: Space, metrics: Sequence[str]) -> None:
        self.groups: tuple[Group, ...] = make_groups(space)
        self.metrics = tuple(metrics)
        self.n = 0
        self.counts = [np.zeros(group.n_cells, np.int64) for group in self.groups]
        self.sums = {name: [np.zeros(group.n_cells) for group in self.groups] for name in metrics}
        self.squares = {name: [np.zeros(group.n_cells) for group in self.groups] for name in metrics}

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.float32]]) -> None:
        """Take in archs of the space and their metrics, each float32 of shape (n,)."""
        columns = transpose(archs)
        self.n += columns.shape[1]
        doubles = {name: values[name].astype(np.float64) for name in self.metrics}
        squares = {name: y * y for name, y in doubles.items()}
        for index, group in enumerate(self.groups):
            cells = group.number(columns)
            self.counts[index] += np.bincount(cells, minlength=group.n_cells)
            for name in self.metrics:
                self.sums[name][index] += np.bincount(cells, weights=doubles[name], minlength=group.n_cells)
                self.squares[name][index] += np.bincount(cells, weights=squares[name], minlength=group.n_cells)

    def merge(self, other: PoolMoments) -> None:
        """Add the moments of other archs of the same space and metrics."""
        self.n += other.n
        for index in range(len(self.groups)):
            self.counts[index] += other.counts[index]
            for name in self.metrics:
                self.sums[name][index] += other.sums[name][index]
                self.squares[name][index] += other.squares[name][index]

    def total(self, metric: str) -> tuple[float, float]:
        """Return mean and variance (divided by n - 1) of a metric over all archs."""
        mean = float(self.sums[metric][0].sum()) / self.n
        square = float(self.squares[metric][0].sum())
        variance = max(0.0, square - self.n * mean * mean) / max(1, self.n - 1)
        return mean, variance

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as named arrays, for a checkpoint."""
        named: dict[str, NDArray[np.generic]] = {"moments.n": np.array(self.n)}
        for index, counts in enumerate(self.counts):
            named[f"moments.counts.{index}"] = counts
            for name in self.metrics:
                named[f"moments.sums.{name}.{index}"] = self.sums[name][index]
                named[f"moments.squares.{name}.{index}"] = self.squares[name][index]
        return named

    def restore(self, named: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the state from named arrays; the inverse of `arrays`."""
        self.n = int(named["moments.n"])
        for index in range(len(self.groups)):
            self.counts[index] = np.array(named[f"moments.counts.{index}"], dtype=np.int64)
            for name in self.metrics:
                self.sums[name][index] = np.array(named[f"moments.sums.{name}.{index}"], dtype=np.float64)
                self.squares[name][index] = np.array(named[f"moments.squares.{name}.{index}"], dtype=np.float64)
