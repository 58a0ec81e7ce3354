"""Cross-fitting: every labelled arch is predicted by a network that was not fitted to it, and what is left is kept.

The archs are cut into folds; one network is fitted without each, and their mean is the predictor. What the labels are
above the predictions of networks that have not seen them is what the predictor is wrong by, on average in every cell of
a profile: `blockprofile.profile.responses` adds it, so that intervals hold for the truth and not for the predictor
alone. The residuals stand beside the weights, in a table of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict.repeats import Pooled, number_archs
from blockprofile.space import Archs, Space
from blockprofile.tablecolumn import numbers_of
from blockprofile.tablefile import Column, read_signed, write_table

RESIDUALS_NAME = "residuals.parquet"
_COLUMNS = {"residual": Column("number"), "rows": Column("integer", low=1), "resolution": Column("integer", low=0)}


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """What labelled archs are above the predictions of networks that have not seen them.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    values
        Label less prediction, in the metric's unit; float64, shape (n,).
    rows
        How many rows of the table each label is the mean of; int64, shape (n,).
    resolutions
        Each arch's input resolution, int64, shape (n,); 0 where it has none of its own.
    """

    archs: Archs
    values: NDArray[np.float64]
    rows: NDArray[np.int64]
    resolutions: NDArray[np.int64]

    def at(self, space: Space) -> Residuals:
        """Return those of the archs of a space, pruned or not, at its resolution."""
        chosen = space.contains(self.archs) & ((self.resolutions == 0) | (self.resolutions == space.resolution))
        return Residuals(self.archs[chosen], self.values[chosen], self.rows[chosen], self.resolutions[chosen])


def collect_residuals(parts: Sequence[tuple[Pooled, NDArray[np.float32]]], column: str) -> Residuals:
    """Put together the residuals of pooled tables, each with the predictions of its rows."""
    tables = [pooled.table for pooled, _ in parts]
    resolutions = [np.zeros(len(t.archs), np.int64) if t.resolutions is None else t.resolutions for t in tables]
    return Residuals(
        np.concatenate([table.archs for table in tables]),
        np.concatenate([pooled.table.label(column) - found for pooled, found in parts]),
        np.concatenate([pooled.counts for pooled, _ in parts]),
        np.concatenate(resolutions),
    )


def cut_folds(archs: Archs, *, folds: int, seed: int) -> NDArray[np.int64]:
    """Number each row's fold, from 0: distinct archs at random, as many in each but for one, rows of an arch together.

    Where ``folds`` is 0 every row's is -1: none is left out.

    Raises
    ------
    OptionError
        If there are fewer distinct archs than two for each fold.
    """
    if folds == 0:
        return np.full(len(archs), -1)
    first, numbers = number_archs(archs)
    if len(first) < 2 * folds:
        raise OptionError(f"folds is {folds}, for {len(first)} archs to train on; each must have two or more")
    order = np.random.default_rng([seed, folds]).permutation(len(first))
    fold: NDArray[np.int64] = (np.argsort(order) % folds)[numbers].astype(np.int64)
    return fold


def write_residuals(path: Path, space: Space, residuals: Residuals) -> None:
    """Write residuals: one uint8 column per slot, ``residual``, ``rows`` and ``resolution``."""
    import pyarrow as pa

    data = {slot.name: pa.array(np.ascontiguousarray(residuals.archs[:, slot.index])) for slot in space.slots}
    data |= {
        "residual": pa.array(residuals.values),
        "rows": pa.array(residuals.rows),
        "resolution": pa.array(residuals.resolutions),
    }
    write_table(path, pa.table(data), about={"space": space.base.hash})


def read_residuals(path: Path, space: Space) -> Residuals:
    """Read residuals of archs of a space.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it is not as it was written, or is of another space.
    """
    slots = {slot.name: Column("uint8") for slot in space.slots}
    table, _ = read_signed(path, slots | _COLUMNS, made_by="`blockprofile predictor fit`")
    archs = np.stack([numbers_of(table[name]) for name in slots], axis=1)
    values, rows, resolutions = (numbers_of(table[name]) for name in _COLUMNS)
    return Residuals(
        np.ascontiguousarray(archs), values.astype(np.float64), rows.astype(np.int64), resolutions.astype(np.int64)
    )
