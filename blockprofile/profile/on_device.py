"""A profile's state while archs come in on a device of torch: moments and counts stay there until they are asked for.

What leaves the device is what `Accumulator` holds: sums by cell, counts by cell and bin, and, where quantiles are
exact, the values themselves. Memory on the device does not grow with the number of archs. Counts are exact; sums of a
CUDA device are added in no fixed order, so they differ from one run to the next by rounding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.additive import Group
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.pool import PoolQuantiles
from blockprofile.profile.rows import MOST, KeptRows
from blockprofile.profile.sketch import N_BINS, Histogram, SketchQuantiles
from blockprofile.space import Archs, Space

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class DeviceAccumulator:
    """Moments and quantiles of archs whose codes and metrics are on a device.

    Parameters
    ----------
    space, metrics, n_planned
        As of `Accumulator`.
    """

    def __init__(self, space: Space, metrics: Sequence[str], *, n_planned: int, device: torch.device) -> None:
        import torch

        self._seen = Accumulator(space, metrics, n_planned=n_planned)
        self._groups = self._seen.moments.groups
        self._n = 0
        # Of every cell, for each group: how many archs, and for each metric the sums of values and of squares.
        self._moments = [
            torch.zeros(1 + 2 * len(metrics), group.n_cells, dtype=torch.float64, device=device)
            for group in self._groups
        ]
        quantiles = self._seen.quantiles
        self._sketches = (
            {name: _DeviceSketch(name, quantiles, device) for name in metrics}
            if isinstance(quantiles, SketchQuantiles)
            else {}
        )

    def add(self, archs: Archs, columns: Tensor, values: Mapping[str, Tensor]) -> None:
        """Take in archs.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots).
        columns, values
            The same archs and their metrics on the device; see `blockprofile.predict.on_device`.
        """
        import torch

        names = self._seen.metrics
        with torch.inference_mode():
            doubles = torch.stack([values[name].double() for name in names])
            terms = torch.cat([torch.ones_like(doubles[:1]), doubles, doubles * doubles])
            for group, moments in zip(self._groups, self._moments, strict=True):
                moments.index_add_(1, _number(group, columns), terms)
            for name, sketch in self._sketches.items():
                sketch.add(columns, values[name])
        self._n += len(archs)
        if isinstance(self._seen.quantiles, PoolQuantiles):
            self._seen.quantiles.add(archs, {name: values[name].cpu().numpy() for name in names})
        if self._seen.first is None and len(archs):
            few = {name: values[name][: 2 * MOST].cpu().numpy() for name in names}
            self._seen.first = KeptRows.first(archs[: 2 * MOST], few)

    def take(self) -> Accumulator:
        """Bring what was seen to the processor; nothing is added any more."""
        seen, n_metrics = self._seen, len(self._seen.metrics)
        seen.moments.n = self._n
        for index, moments in enumerate(self._moments):
            counts, *rest = moments.cpu().numpy()
            seen.moments.counts[index] += counts.astype(np.int64)
            for place, name in enumerate(seen.metrics):
                seen.moments.sums[name][index] += rest[place]
                seen.moments.squares[name][index] += rest[n_metrics + place]
        for sketch in self._sketches.values():
            sketch.flush()
        return seen


class _DeviceSketch:
    """Counts of one metric by cell and bin, handed to a sketch when its bins no longer hold the values."""

    def __init__(self, metric: str, quantiles: SketchQuantiles, device: torch.device) -> None:
        import torch

        self._metric, self._quantiles, self._frame = metric, quantiles, Histogram(0)
        self._counts = torch.zeros(quantiles.rows[-1].stop * N_BINS, dtype=torch.int64, device=device)
        self._range = np.inf, -np.inf

    def add(self, columns: Tensor, values: Tensor) -> None:
        import torch

        if len(values) == 0:
            return
        self._hold(float(values.min()), float(values.max()))
        bins = torch.floor(values.double() / self._frame.width).long() - self._frame.first
        one = torch.ones_like(bins)
        for group, rows in zip(self._quantiles.groups, self._quantiles.rows, strict=True):
            self._counts.index_add_(0, (_number(group, columns) + rows.start) * N_BINS + bins, one)

    def _hold(self, low: float, high: float) -> None:
        """Change to bins that hold these values too, if the present ones do not."""
        frame, self._range = self._frame, (min(low, self._range[0]), max(high, self._range[1]))
        if not frame.is_empty:
            start = frame.first * frame.width
            if start <= low and high < start + N_BINS * frame.width:
                return
            self.flush()
        self._frame = Histogram(0)
        self._frame.cover(*self._range)

    def flush(self) -> None:
        """Hand over what was counted."""
        if self._frame.is_empty:
            return
        # On the processor the array is the tensor itself, which is not copied: what is merged is added, not kept.
        self._quantiles.add_counts(self._metric, self._counts.reshape(-1, N_BINS).cpu().numpy(), self._frame)
        self._counts.zero_()


def _number(group: Group, columns: Tensor) -> Tensor:
    """Number the cell of every arch as `Group.number` does: int64, shape (n,)."""
    import torch

    total = torch.zeros_like(columns[0])
    for slot, size in zip(group.slots, group.shape, strict=True):
        total = total * size + columns[slot].clamp(max=size - 1)
    return total
