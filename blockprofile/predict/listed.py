"""Tables of archs as predictors: the value of every arch that was trained or measured whole, and of no other.

The table is `archs.parquet` in the predictor's folder, as `blockprofile.predict.labels.read_labels` takes it, with one
row for each training or measurement. The card says whether it holds all archs of its space: ``archs: all`` or ``some``.
"""

from __future__ import annotations

import math
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import CoverageError, DataError
from blockprofile.predict.base import CardPredictor
from blockprofile.predict.card import Card
from blockprofile.predict.labels import read_labels
from blockprofile.predict.repeats import Pooled, pool_repeats
from blockprofile.space import Archs, Space, count_archs, decode

ARCHS_NAME = "archs.parquet"
EXTENTS = ("all", "some")

Doubles = NDArray[np.float64]


class ListedArchs(CardPredictor):
    """Archs with their measured or trained values.

    Parameters
    ----------
    card
        Where they come from; ``error.label_spread`` is the standard deviation between two trainings of an arch. Left
        out, it is that of the archs that the table repeats.
    pooled
        One row for each arch, the column ``column_of(card)`` being its mean.
    """

    def __init__(self, card: Card, space: Space, pooled: Pooled) -> None:
        super().__init__(card, space)
        self.archs: Archs = pooled.table.archs
        self.values: Doubles = pooled.table.label(column_of(card))
        self.counts = pooled.counts
        told, seen = card.error.label_spread, pooled.spreads[column_of(card)]
        self.spread = told if told is not None else seen if math.isfinite(seen) else 0.0

    @property
    def variances(self) -> Doubles:
        """The variance of each value that its trainings leave, shape (n,)."""
        return np.asarray(self.spread**2 / self.counts, np.float64)

    @cached_property
    def _ordered(self) -> tuple[NDArray[np.void], NDArray[np.intp]]:
        keys = _keys(self.archs)
        order = np.argsort(keys, kind="stable")
        return keys[order], order

    def find(self, archs: Archs) -> NDArray[np.intp]:
        """Find archs in the table: the row of each, -1 where it is not there; shape (n,)."""
        keys, order = self._ordered
        wanted = _keys(self.rows(archs))
        places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[places] == wanted, order[places], -1)

    def predict(self, archs: Archs) -> NDArray[np.float32]:
        """Look up the metric of every arch.

        Raises
        ------
        CoverageError
            If an arch is not in the table.
        ArchError
            If dtype or shape do not fit the space.
        """
        rows = self.find(archs)
        if (missing := np.flatnonzero(rows < 0)).size:
            first = decode(self.space, np.atleast_2d(archs)[missing[0]])
            raise CoverageError(
                f"predictor {self.card.name!r} lists {len(self.archs):,} archs that were {self.card.provenance} and "
                f"knows no other: {len(missing):,} of {len(rows):,} archs are not among them, the first is {first!r}"
            )
        found: NDArray[np.float32] = self.values[rows].astype(np.float32)
        return found


def column_of(card: Card) -> str:
    """Return the column of the table that a card's metric stands in."""
    return card.metric.partition(":")[0]


def _keys(archs: Archs) -> NDArray[np.void]:
    rows = np.ascontiguousarray(archs)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()


def build_listed(card: Card, folder: Path, space: Space) -> ListedArchs:
    """Make the predictor of a table of archs.

    Raises
    ------
    DataError
        If the table is unreadable or wrong, or the card does not say whether it is whole, or says so wrongly.
    CoverageError
        If the table's rows are at other resolutions than the space.
    """
    path = folder / ARCHS_NAME
    extent = card.parameters.get("archs")
    if extent not in EXTENTS:
        raise DataError(f"{folder}: parameters.archs is {extent!r}; must be one of {', '.join(EXTENTS)}")
    table = read_labels(path, space).at_resolution(space.resolution)
    if not len(table.archs):
        raise CoverageError(f"{path} holds no archs at resolution {space.resolution}")
    pooled = pool_repeats(table, [column_of(card)])
    n, n_all = len(pooled.counts), count_archs(space.base)
    if (n == n_all) != (extent == "all"):
        raise DataError(f"{path} holds {n:,} of the {n_all:,} archs of {space.base.name!r}; the card says {extent!r}")
    return ListedArchs(card, space, pooled)
