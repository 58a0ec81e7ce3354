"""Quantiles beyond memory: mergeable histograms with bins of a power-of-two width.

A bin is ``[k * width, (k + 1) * width)``. When a value falls outside the window of bins the width doubles and
neighbouring bins are added, so merging is associative and the final width depends on the range of the data
alone. A quantile is wrong by one width at most; the width is on the table that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive import Group, Target, transpose
from blockprofile.profile.quantiles import EVEN, QuantileEstimate, rank_bounds, shared_n
from blockprofile.space import Archs, Space

__all__ = ["Histogram", "SketchQuantiles", "layer_groups"]

N_BINS = 8192
MIN_EXPONENT = -100
LARGEST_BIN = 1 << 62
"""Numbers of bins are int64: where a metric hardly varies, bins are as wide as its size asks for."""


def layer_groups(space: Space) -> tuple[Group, ...]:
    """Make one small group per layer: its block with its unit's depth and width."""
    groups = []
    for unit in space.units:
        shared = tuple(index for index in (unit.width, unit.depth) if index is not None)
        for slot in unit.layers:
            slots = (*shared, slot)
            shape = tuple(space.slots[i].n_choices + (space.slots[i].kind == "layer") for i in slots)
            groups.append(Group(unit.unit, slots, shape))
    return tuple(groups)


class Histogram:
    """Counts by row and bin; rows are cells, bins adapt.

    Parameters
    ----------
    n_rows
        How many rows.

    Examples
    --------
    >>> histogram = Histogram(1)
    >>> histogram.add(np.zeros(4, np.int64), np.array([1.0, 2.0, 3.0, 4.0]))
    >>> histogram.width < 0.001, int(histogram.counts.sum())
    (True, 4)
    """

    def __init__(self, n_rows: int) -> None:
        self.counts = np.zeros((n_rows, N_BINS), np.int64)
        self.exponent = MIN_EXPONENT
        self.first = 0
        self.is_empty = True

    @classmethod
    def holding(cls, counts: NDArray[np.int64], frame: Histogram) -> Histogram:
        """Take counts in the bins of another histogram: int64, shape (n_rows, n_bins)."""
        held = cls(0)
        held.counts, held.exponent, held.first, held.is_empty = counts, frame.exponent, frame.first, frame.is_empty
        return held

    @property
    def width(self) -> float:
        """The width of a bin, in the metric's unit: the error bound of a quantile."""
        return float(2.0**self.exponent)

    def add(self, rows: NDArray[np.integer], values: NDArray[np.floating]) -> None:
        """Count values into rows."""
        if len(values) == 0:
            return
        self.cover(float(values.min()), float(values.max()))
        bins = np.floor(values.astype(np.float64) / self.width).astype(np.int64) - self.first
        flat = np.bincount(rows * N_BINS + bins, minlength=self.counts.size)
        self.counts += flat.reshape(self.counts.shape)

    def cover(self, low: float, high: float) -> None:
        """Make the bins hold values from ``low`` to ``high``."""
        self._cover(int(np.floor(low / self.width)), int(np.floor(high / self.width)))

    def merge(self, other: Histogram) -> None:
        """Add another histogram with the same rows."""
        if other.is_empty:
            return
        self._coarsen_to(max(self.exponent, other.exponent))
        theirs = Histogram.holding(other.counts, other)
        theirs._coarsen_to(self.exponent)
        used = np.flatnonzero(theirs.counts.any(axis=0))
        self._cover(theirs.first + int(used[0]), theirs.first + int(used[-1]))
        theirs._coarsen_to(self.exponent)
        used = np.flatnonzero(theirs.counts.any(axis=0))
        start = theirs.first + int(used[0]) - self.first
        span = slice(int(used[0]), int(used[-1]) + 1)
        self.counts[:, start : start + span.stop - span.start] += theirs.counts[:, span]

    def _cover(self, low: int, high: int) -> None:
        """Make the window hold the bins ``low`` to ``high`` (in the present width), coarsening as needed."""
        if not self.is_empty:
            used = np.flatnonzero(self.counts.any(axis=0))
            low = min(low, self.first + int(used[0]))
            high = max(high, self.first + int(used[-1]))
        steps = 0
        while (high >> steps) - (low >> steps) >= N_BINS or max(abs(low), abs(high)) >> steps >= LARGEST_BIN:
            steps += 1
        self._coarsen_to(self.exponent + steps)
        first = low >> steps
        if self.is_empty:
            self.first, self.is_empty = first, False
        elif first < self.first or (high >> steps) >= self.first + N_BINS:
            self._shift(first)

    def _coarsen_to(self, exponent: int) -> None:
        steps = exponent - self.exponent
        if steps <= 0:
            return
        if not self.is_empty:
            bins = (np.arange(N_BINS) + self.first) >> steps
            first = int(bins[0])
            coarse = np.zeros_like(self.counts)
            starts = np.flatnonzero(np.diff(bins, prepend=first - 1))
            coarse[:, : len(starts)] = np.add.reduceat(self.counts, starts, axis=1)
            self.counts, self.first = coarse, first
        self.exponent = exponent

    def _shift(self, first: int) -> None:
        used = np.flatnonzero(self.counts.any(axis=0))
        moved = np.zeros_like(self.counts)
        start, stop = int(used[0]), int(used[-1]) + 1
        place = self.first + start - first
        moved[:, place : place + stop - start] = self.counts[:, start:stop]
        self.counts, self.first = moved, first

    def quantiles(
        self, weights: NDArray[np.float64], taus: Sequence[float], whole: QuantileEstimate | None = None
    ) -> QuantileEstimate | None:
        """Read weighted quantiles over the rows, linear within a bin; None if no value counts.

        Bounds are the outer edges of their bins, and of the whole's quantiles only the bins are used: what happens
        within a bin decides nothing.

        ``weights``: float64, shape (n_rows,). ``whole``: the quantiles of all values, with which these are compared.
        """
        rows = np.flatnonzero(weights)
        tau = np.asarray(taus, np.float64)
        is_even = np.ptp(weights[rows]) < EVEN if len(rows) else True
        mass, squares = np.zeros(N_BINS), np.zeros(N_BINS)
        for row in rows:
            mass += weights[row] * self.counts[row]
            if not is_even:
                squares += weights[row] ** 2 * self.counts[row]
        cumulative = np.cumsum(mass)
        total = float(cumulative[-1])
        if total <= 0:
            return None
        wanted = tau * total
        bins = np.minimum(np.searchsorted(cumulative, wanted * (1 - 1e-12)), N_BINS - 1)
        inside = np.clip((wanted - (cumulative[bins] - mass[bins])) / np.maximum(mass[bins], 1e-300), 0.0, 1.0)
        if is_even:
            m = np.full(len(tau), total / weights[rows[0]])
        else:
            below = np.cumsum(squares)[bins] - (1 - inside) * squares[bins]
            m = shared_n(tau, below, float(squares.sum()), total**2)
        low, high = rank_bounds(taus, m)
        lows = np.searchsorted(cumulative, low * total, "right")
        highs = np.searchsorted(cumulative, high * total, "left") + 1
        sums = np.concatenate([[0.0], cumulative]) / total
        standard = np.zeros(len(tau)) if whole is None else np.ceil(whole.values / self.width) - self.first
        at = np.clip(standard, 0, N_BINS).astype(np.int64)
        return QuantileEstimate(
            (self.first + bins + inside) * self.width,
            np.where(np.isfinite(low), (self.first + lows) * self.width, -np.inf),
            np.where(np.isfinite(high), (self.first + highs) * self.width, np.inf),
            m,
            sums[np.maximum(at - 1, 0)],
            sums[at],
        )


class SketchQuantiles:
    """Histograms of every metric for every layer's cells; the same interface as `PoolQuantiles`."""

    def __init__(self, space: Space, metrics: Sequence[str]) -> None:
        self.space, self.metrics = space, tuple(metrics)
        self.groups = layer_groups(space)
        self._histograms = {name: [Histogram(group.n_cells) for group in self.groups] for name in metrics}

    @property
    def error(self) -> dict[str, float]:
        """The error bound of each metric's quantiles, in its unit."""
        return {name: max(h.width for h in items) for name, items in self._histograms.items()}

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.float32]]) -> None:
        """Count archs and their metrics."""
        columns = transpose(archs)
        for index, group in enumerate(self.groups):
            cells = group.number(columns).astype(np.int64)
            for name in self.metrics:
                self._histograms[name][index].add(cells, values[name])

    def add_counts(self, metric: str, counts: Sequence[NDArray[np.int64]], frame: Histogram) -> None:
        """Add counts of a metric for each of ``groups``, in the bins of a histogram; see `Histogram.holding`."""
        for mine, each in zip(self._histograms[metric], counts, strict=True):
            mine.merge(Histogram.holding(each, frame))

    def merge(self, other: SketchQuantiles) -> None:
        """Add the counts of other archs of the same space and metrics."""
        for name in self.metrics:
            for mine, theirs in zip(self._histograms[name], other._histograms[name], strict=True):
                mine.merge(theirs)

    def overall(self, metric: str, taus: Sequence[float]) -> QuantileEstimate:
        """Return quantiles over all archs."""
        histogram = self._histograms[metric][0]
        found = histogram.quantiles(np.ones(len(histogram.counts)), taus)
        assert found is not None
        return found

    def of_targets(
        self,
        metric: str,
        targets: Sequence[Target],
        groups: Sequence[Group],
        taus: Sequence[float],
        whole: QuantileEstimate,
    ) -> Iterator[QuantileEstimate | None]:
        """Yield quantiles under each target, in order; None where no arch counts.

        ``groups`` must be `layer_groups` of the space; ``whole``: the quantiles over all archs.
        """
        for target in targets:
            assert groups[target.group].slots == self.groups[target.group].slots
            yield self._histograms[metric][target.group].quantiles(target.weights, taus, whole)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as named arrays, for a checkpoint."""
        named: dict[str, NDArray[np.generic]] = {}
        for name, items in self._histograms.items():
            for index, histogram in enumerate(items):
                place = f"sketch.{name}.{index}"
                named[place] = histogram.counts
                named[f"{place}.frame"] = np.array([histogram.exponent, histogram.first, histogram.is_empty])
        return named

    def restore(self, named: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the state from named arrays; the inverse of `arrays`."""
        for name, items in self._histograms.items():
            for index, histogram in enumerate(items):
                place = f"sketch.{name}.{index}"
                histogram.counts = np.array(named[place], dtype=np.int64)
                exponent, first, is_empty = np.array(named[f"{place}.frame"], dtype=np.int64).tolist()
                histogram.exponent, histogram.first, histogram.is_empty = exponent, first, bool(is_empty)
