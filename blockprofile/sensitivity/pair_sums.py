"""Sums of a metric over every pair of slots' codes: what sampled sensitivities are made from.

The pool is dealt into a fixed number of folds, arch after arch. Sums merge, and do not grow with the pool.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.space import Archs, Space

N_FOLDS = 40
_ROWS = 4096
"""Archs that are counted at a time: their indices stay in the cache."""


class PairSums:
    """Counts and sums of metrics over pairs of codes, fold by fold.

    Parameters
    ----------
    n_folds
        Parts of the pool that the uncertainty is estimated from, at least 3.

    Attributes
    ----------
    bounds
        The columns of slot i are ``bounds[i]`` to ``bounds[i + 1]``: its codes, and for a layer one more, inactive.
    counts
        float64, shape (n_folds, n_columns, n_columns): the archs that hold both codes, the slot of the row not
        after that of the column; on the diagonal a slot alone.
    sums
        Metric -> the same of the metric.
    totals
        Metric -> (n_folds, 3): number of archs, sum, sum of squares.

    Raises
    ------
    OptionError
        If ``n_folds`` is below 3.

    Notes
    -----
    O(n * n_slots^2) time: a few microseconds an arch for ofa_mbv3. A pool of 100,000 archs gives
    shares to about 0.003.
    """

    def __init__(self, space: Space, metrics: Sequence[str], *, n_folds: int = N_FOLDS) -> None:
        if n_folds < 3:
            raise OptionError(f"n_folds is {n_folds}; at least 3 are needed")
        self.space, self.metrics, self.n_folds = space, tuple(metrics), n_folds
        sizes = [slot.n_choices + (slot.kind == "layer") for slot in space.slots]
        self.bounds = np.concatenate([[0], np.cumsum(sizes)])
        shape = (n_folds, int(self.bounds[-1]), int(self.bounds[-1]))
        self.counts = np.zeros(shape)
        self.sums = {name: np.zeros(shape) for name in metrics}
        self.totals = {name: np.zeros((n_folds, 3)) for name in metrics}

    def add(self, archs: Archs, values: Mapping[str, NDArray[np.floating]]) -> None:
        """Add archs, dealt to the folds in turn, and their metrics.

        Parameters
        ----------
        archs
            uint8, shape (n, n_slots), drawn at random by a law of the space.
        values
            Metric -> shape (n,).
        """
        rows = self.space.check(archs)
        for fold in range(self.n_folds):
            part = rows[fold :: self.n_folds]
            found = {name: np.asarray(values[name][fold :: self.n_folds], np.float64) for name in self.metrics}
            for start in range(0, len(part), _ROWS):
                piece = slice(start, start + _ROWS)
                self._add_piece(fold, part[piece], {name: each[piece] for name, each in found.items()})

    def _add_piece(self, fold: int, archs: Archs, values: Mapping[str, NDArray[np.float64]]) -> None:
        width = int(self.bounds[-1])
        codes = np.minimum(archs, np.diff(self.bounds) - 1).T.astype(np.intp)
        columns = codes + self.bounds[:-1, None]
        for first, code in enumerate(codes):
            rows = slice(self.bounds[first], self.bounds[first + 1])
            n_codes = int(self.bounds[first + 1] - self.bounds[first])
            pairs = (code * width + columns[first:]).ravel()
            self.counts[fold, rows] += np.bincount(pairs, minlength=n_codes * width).reshape(n_codes, width)
            for name, each in values.items():
                repeated = np.broadcast_to(each, (len(codes) - first, len(each))).ravel()
                found = np.bincount(pairs, weights=repeated, minlength=n_codes * width)
                self.sums[name][fold, rows] += found.reshape(n_codes, width)
        for name, each in values.items():
            self.totals[name][fold] += (len(each), each.sum(), each @ each)

    def merge(self, other: PairSums) -> None:
        """Add the sums of another part of the same pool."""
        self.counts += other.counts
        for name in self.metrics:
            self.sums[name] += other.sums[name]
            self.totals[name] += other.totals[name]
