"""Quantiles beyond memory: mergeable histograms with bins of a power-of-two width.

A bin is ``[k * width, (k + 1) * width)``. When a value falls outside the window of bins the width doubles and
neighbouring bins are added, so merging is associative and the final width depends on the range of the data
alone. A quantile is wrong by one width at most; the width is on the table that shows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray

from blockprofile.additive import Group, Target, transpose
from blockprofile.profile.quantiles import EVEN, QuantileEstimate, rank_bounds, shared_n
from blockprofile.space import Archs, Space

N_BINS = 8192
MIN_EXPONENT = -100
PACKED = ("counts", "rows", "frame", "kind")
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
    dtype
        Of the counts: signed integers that hold them.

    Examples
    --------
    >>> histogram = Histogram(1)
    >>> histogram.add(np.zeros(4, np.int64), np.array([1.0, 2.0, 3.0, 4.0]))
    >>> histogram.width < 0.001, int(histogram.counts.sum())
    (True, 4)
    """

    def __init__(self, n_rows: int, dtype: DTypeLike = np.int64) -> None:
        self.counts: NDArray[np.signedinteger] = np.zeros((n_rows, N_BINS), dtype)
        self.exponent = MIN_EXPONENT
        self.first = 0
        self.is_empty = True

    @classmethod
    def holding(cls, counts: NDArray[np.signedinteger], frame: Histogram) -> Histogram:
        """Take counts in the bins of another histogram, shape (n_rows, n_bins); they are not copied."""
        held = cls(0)
        held.counts, held.exponent, held.first, held.is_empty = counts, frame.exponent, frame.first, frame.is_empty
        return held

    @property
    def width(self) -> float:
        """The width of a bin, in the metric's unit: the error bound of a quantile."""
        return float(2.0**self.exponent)

    def add(self, rows: NDArray[np.integer], values: NDArray[np.floating]) -> None:
        """Count values into rows."""
        if len(values):
            self.count(rows.astype(np.intp) * N_BINS, self.place(values))

    def place(self, values: NDArray[np.floating]) -> NDArray[np.int64]:
        """Make the bins hold values, one at least, and tell which they fall into."""
        self.cover(float(values.min()), float(values.max()))
        bins: NDArray[np.int64] = np.floor(values.astype(np.float64) / self.width).astype(np.int64) - self.first
        return bins

    def count(self, starts: NDArray[np.intp], bins: NDArray[np.int64]) -> None:
        """Count what was placed into rows; ``starts`` are their numbers times `N_BINS`."""
        np.add.at(self.counts.reshape(-1), starts + bins, self.counts.dtype.type(1))

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
        used = theirs._span()
        self._cover(theirs.first + used.start, theirs.first + used.stop - 1)
        theirs._coarsen_to(self.exponent)
        used = theirs._span()
        start = theirs.first + used.start - self.first
        for row in theirs._rows():
            self.counts[row, start : start + used.stop - used.start] += theirs.counts[row, used]

    def _rows(self) -> NDArray[np.intp]:
        """Return the rows that values fell into."""
        return np.flatnonzero(self.counts.any(axis=1))

    def _span(self) -> slice:
        """Return the bins from the first to the last that values fell into, of which there is one at least."""
        used = np.flatnonzero(self.counts.any(axis=0))
        return slice(int(used[0]), int(used[-1]) + 1)

    def _cover(self, low: int, high: int) -> None:
        """Make the window hold the bins ``low`` to ``high`` (in the present width), coarsening as needed."""
        if not self.is_empty:
            if self.first <= low and high < self.first + N_BINS:
                return
            used = self._span()
            low, high = min(low, self.first + used.start), max(high, self.first + used.stop - 1)
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
            for row in self._rows():
                coarse[row, : len(starts)] = np.add.reduceat(self.counts[row], starts)
            self.counts, self.first = coarse, first
        self.exponent = exponent

    def _shift(self, first: int) -> None:
        used = self._span()
        place = self.first + used.start - first
        moved = np.zeros_like(self.counts)
        for row in self._rows():
            moved[row, place : place + used.stop - used.start] = self.counts[row, used]
        self.counts, self.first = moved, first

    def pack(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as named arrays: of the counts no more than rows and bins in use, in the fewest bytes."""
        rows, used = self._rows(), slice(0, 0) if self.is_empty else self._span()
        counts = self.counts[rows, used]
        kind = np.min_scalar_type(int(counts.max(initial=0)))
        frame = np.array([self.exponent, self.first, self.is_empty, used.start, *self.counts.shape])
        return {"counts": counts.astype(kind), "rows": rows, "frame": frame, "kind": np.zeros(0, self.counts.dtype)}

    def unpack(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the state from named arrays; the inverse of `pack`."""
        packed, rows = np.asarray(state["counts"]), np.asarray(state["rows"], np.intp)
        exponent, first, is_empty, start, n_rows, n_bins = np.asarray(state["frame"], np.int64).tolist()
        self.counts = np.zeros((n_rows, n_bins), state["kind"].dtype)
        self.counts[rows, start : start + packed.shape[1]] = packed
        self.exponent, self.first, self.is_empty = exponent, first, bool(is_empty)

    __getstate__, __setstate__ = pack, unpack

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
    """A histogram of every metric, whose rows are every layer's cells; the same interface as `PoolQuantiles`.

    Parameters
    ----------
    n_planned
        How many archs will come at most.
    """

    def __init__(self, space: Space, metrics: Sequence[str], *, n_planned: int) -> None:
        self.space, self.metrics = space, tuple(metrics)
        self.groups = layer_groups(space)
        ends = np.cumsum([group.n_cells for group in self.groups])
        self.rows = [slice(int(end) - group.n_cells, int(end)) for group, end in zip(self.groups, ends, strict=True)]
        dtype = np.int32 if n_planned <= np.iinfo(np.int32).max else np.int64
        self._histograms = {name: Histogram(int(ends[-1]), dtype) for name in metrics}

    @property
    def error(self) -> dict[str, float]:
        """The error bound of each metric's quantiles, in its unit."""
        return {name: histogram.width for name, histogram in self._histograms.items()}

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.float32]]) -> None:
        """Count archs and their metrics."""
        if not len(archs):
            return
        columns = transpose(archs)
        bins = {name: self._histograms[name].place(values[name]) for name in self.metrics}
        for group, rows in zip(self.groups, self.rows, strict=True):
            starts = (group.number(columns).astype(np.intp) + rows.start) * N_BINS
            for name in self.metrics:
                self._histograms[name].count(starts, bins[name])

    def add_counts(self, metric: str, counts: NDArray[np.int64], frame: Histogram) -> None:
        """Add counts of a metric for all ``rows``, in the bins of a histogram; see `Histogram.holding`."""
        self._histograms[metric].merge(Histogram.holding(counts, frame))

    def merge(self, other: SketchQuantiles) -> None:
        """Add the counts of other archs of the same space and metrics."""
        for name in self.metrics:
            self._histograms[name].merge(other._histograms[name])

    def of_group(self, metric: str, group: int) -> Histogram:
        """Return the histogram of a metric over the cells of one layer; the counts are those of the whole one."""
        histogram = self._histograms[metric]
        return Histogram.holding(histogram.counts[self.rows[group]], histogram)

    def overall(self, metric: str, taus: Sequence[float]) -> QuantileEstimate:
        """Return quantiles over all archs."""
        histogram = self.of_group(metric, 0)
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
            yield self.of_group(metric, target.group).quantiles(target.weights, taus, whole)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the state as named arrays, for a checkpoint."""
        states = {name: histogram.pack() for name, histogram in self._histograms.items()}
        return {f"sketch.{name}.{part}": each for name, state in states.items() for part, each in state.items()}

    def restore(self, named: Mapping[str, NDArray[np.generic]]) -> None:
        """Take the state from named arrays; the inverse of `arrays`."""
        for name, histogram in self._histograms.items():
            histogram.unpack({part: named[f"sketch.{name}.{part}"] for part in PACKED})
