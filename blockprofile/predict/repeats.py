"""Archs that a table holds more than once: kept on one side of a split, pooled to their mean, and their spread.

Rows of one arch say the same thing twice. A predictor that trained on one of them is no judge of the other, and what
they differ by is noise that no predictor can undercut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict.labels import LabelTable
from blockprofile.space import Archs


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """A table with one row for each arch (at each resolution, where rows have one), in order of first appearance.

    Parameters
    ----------
    table
        Labels are means over the rows pooled.
    counts
        How many rows each was made from, int64 of shape (n,).
    spreads
        By column: the standard deviation within an arch, pooled over all archs with several rows; NaN where no arch
        has several.
    copies
        By column: how many rows give an arch the very value that another row gives it.
    """

    table: LabelTable
    counts: NDArray[np.int64]
    spreads: Mapping[str, float]
    copies: Mapping[str, int]

    @property
    def n_rows(self) -> int:
        """The rows that were pooled."""
        return int(self.counts.sum())

    @property
    def has_repeats(self) -> bool:
        """Whether any arch had several rows."""
        return self.n_rows > len(self.counts)

    def describe(self, column: str) -> str:
        """Say what was pooled, and how far the rows of an arch are apart; empty where each arch has one row."""
        if not self.has_repeats:
            return ""
        told = (
            f"{self.n_rows} rows of {len(self.counts)} archs, repeats pooled to their means (standard deviation within "
            f"an arch {self.spreads[column]:.4g})"
        )
        n, copies = self.n_rows - len(self.counts), self.copies[column]
        if 2 * copies <= n:
            return told
        return (
            f"{told}; {copies} of {n} repeats have the very value of another: leave them out if they are copies of one "
            "label, as copies make labels look surer than they are"
        )


def number_archs(archs: Archs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number distinct archs in order of first appearance.

    Returns
    -------
    The first row of each distinct arch, ascending, and each row's number, shape (n,).

    Examples
    --------
    >>> first, numbers = number_archs(np.array([[1, 0], [0, 0], [1, 0]], np.uint8))
    >>> first.tolist(), numbers.tolist()
    ([0, 1], [0, 1, 0])
    """
    bytes_of = np.ascontiguousarray(archs).view(np.dtype((np.void, archs.shape[1] * archs.itemsize))).ravel()
    _, first, inverse = np.unique(bytes_of, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order].astype(np.int64), rank[inverse]


def count_shared(archs: Archs, known: Archs) -> int:
    """Count the rows of archs that are also among others.

    Examples
    --------
    >>> count_shared(np.array([[1, 0], [0, 0], [1, 0]], np.uint8), np.array([[1, 0], [2, 2]], np.uint8))
    2
    """
    first, numbers = number_archs(np.concatenate([known, archs]))
    return int((first[numbers[len(known) :]] < len(known)).sum())


def split_archs(archs: Archs, *, holdout: float, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows at random into training and held-out ones, all rows of an arch on one side.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    holdout
        The share of distinct archs that is held out.

    Returns
    -------
    Row numbers of both sides, ascending.

    Raises
    ------
    OptionError
        If ``holdout`` is not between 0 and 1 or leaves fewer than two archs on either side.
    """
    first, numbers = number_archs(archs)
    n = len(first)
    held = round(holdout * n) if np.isfinite(holdout) else 0
    if not 0 < holdout < 1 or held < 2 or n - held < 2:
        raise OptionError(
            f"holdout {holdout} of {n} archs; must leave at least two archs to train on and two to judge by"
        )
    place = np.empty(len(archs), np.int64)
    place[np.random.default_rng(seed).permutation(len(archs))] = np.arange(len(archs))
    is_held = np.zeros(n, bool)
    is_held[np.argsort(place[first])[:held]] = True
    return np.flatnonzero(~is_held[numbers]), np.flatnonzero(is_held[numbers])


def pool_repeats(table: LabelTable, columns: Sequence[str]) -> Pooled:
    """Pool the rows of each arch to their mean.

    Rows are told apart by their resolution too, where the table has one.

    Raises
    ------
    DataError
        If a column is missing or not finite.
    """
    labels = {column: table.label(column) for column in columns}
    keys = table.archs
    if table.resolutions is not None:
        keys = np.column_stack([keys, np.ascontiguousarray(table.resolutions)[:, None].view(np.uint8)])
    first, numbers = number_archs(keys)
    counts = np.bincount(numbers, minlength=len(first)).astype(np.int64)
    means, spreads, copies = {}, {}, {}
    for column, values in labels.items():
        # Around the first row of each arch, so that equal rows pool to their very value and have no spread.
        apart = values - values[first][numbers]
        shift = np.bincount(numbers, apart, minlength=len(first)) / counts
        means[column] = values[first] + shift
        freedom = len(values) - len(first)
        spreads[column] = float(np.sqrt(np.square(apart - shift[numbers]).sum() / freedom)) if freedom else float("nan")
        copies[column] = len(values) - np.unique(np.stack([numbers, values]), axis=1).shape[1] if freedom else 0
    resolutions = None if table.resolutions is None else table.resolutions[first]
    return Pooled(LabelTable(table.path, table.archs[first], means, resolutions), counts, spreads, copies)
