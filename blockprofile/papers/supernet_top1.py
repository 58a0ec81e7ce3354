"""What a block is worth inside a unit of known depth, read off labelled architectures of a supernet.

An additive fit whose effects depend on the depth of their own unit: so responses carry over to spaces of fixed
depth. The result is ``data/published/supernet_top1.csv``, made by `depth_responses` from the labels.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, DataError
from blockprofile.predict import read_published_table
from blockprofile.space import INACTIVE

EXPANSIONS = (3, 4, 6)
KERNELS = (3, 5, 7)
N_BLOCKS = len(EXPANSIONS) * len(KERNELS)

Key = tuple[int, int, int]
"""Unit, depth of the unit, layer; all counted from 1."""


@dataclass(frozen=True, slots=True)
class Responses:
    """An additive model of one supernet's top-1.

    ``points`` holds for every (unit, depth, layer) the contributions of the nine blocks, float64, shape (9,), in
    the order 3 x (index of expansion in 3, 4, 6) + (index of kernel in 3, 5, 7). A network's value is ``base`` plus
    one contribution for each of its layers, in percent.
    """

    space: str
    base: float
    points: Mapping[Key, NDArray[np.float64]]

    def at(self, key: Key, *, expansion: float, kernel: int) -> float:
        """Return one layer's contribution; between and below the expansions it is continued linearly.

        Raises
        ------
        CoverageError
            If no network with such a unit, or such a kernel, was labelled.
        """
        if key not in self.points or kernel not in KERNELS:
            unit, depth, layer = key
            raise CoverageError(
                f"no response of {self.space} for kernel {kernel} at unit {unit} of depth {depth}, layer {layer}"
            )
        row = self.points[key][KERNELS.index(kernel) :: len(KERNELS)]
        right = 1 if expansion <= EXPANSIONS[1] else 2
        low, high = EXPANSIONS[right - 1], EXPANSIONS[right]
        share = (expansion - low) / (high - low)
        return float((1 - share) * row[right - 1] + share * row[right])

    def value(self, units: Sequence[Sequence[tuple[float, int]]]) -> float:
        """Return the model's top-1 of a network given as (expansion, kernel) of each layer of each unit."""
        total = self.base
        for unit, layers in enumerate(units, start=1):
            for layer, (expansion, kernel) in enumerate(layers, start=1):
                total += self.at((unit, len(layers), layer), expansion=expansion, kernel=kernel)
        return total


def depth_responses(codes: NDArray[np.int64], top1: NDArray[np.float64], *, space: str) -> Responses:
    """Fit the additive model to labelled archs by least squares.

    Parameters
    ----------
    codes
        Integers, shape (n, n_units, n_layers): block codes 0-8, negative where a layer is inactive.
    top1
        Percent, shape (n,).

    Raises
    ------
    DataError
        If shapes do not fit or a code is above 8.

    Notes
    -----
    Only sums of contributions are determined. Of all equal solutions this is the one in which the average over a
    unit's depths is 0 (it is in ``base``), and the level of a depth is shared equally by its layers.
    """
    if codes.ndim != 3 or top1.shape != codes.shape[:1] or codes.max(initial=-1) >= N_BLOCKS:
        raise DataError(f"codes {codes.shape} up to {codes.max(initial=-1)} and top1 {top1.shape} do not fit")
    depths = (codes >= 0).sum(axis=2)
    keys = [
        (unit, int(depth), layer)
        for unit in range(codes.shape[1])
        for depth in np.unique(depths[:, unit])
        for layer in range(int(depth))
    ]
    places = {key: place for place, key in enumerate(keys)}
    columns = np.full(codes.shape, -1, np.int64)
    for (unit, depth, layer), place in places.items():
        rows = np.flatnonzero(depths[:, unit] == depth)
        columns[rows, unit, layer] = place * N_BLOCKS + codes[rows, unit, layer]
    gram, moments = _normal_equations(columns.reshape(len(top1), -1), top1 - top1.mean(), len(keys) * N_BLOCKS)
    solution = np.linalg.lstsq(gram, moments, rcond=1e-10)[0]
    return _canonical(space, float(top1.mean()), dict(zip(keys, solution.reshape(-1, N_BLOCKS), strict=True)))


def _normal_equations(
    columns: NDArray[np.int64], target: NDArray[np.float64], n_columns: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make X'X and X'y where row i of X has ones in ``columns[i]`` (negative: none)."""
    used, size = columns >= 0, n_columns + 1
    places = np.ascontiguousarray(np.where(used, columns, n_columns).T, dtype=np.int32)  # the last column takes "none"
    counts = np.zeros(size * size)
    for first, second in itertools.combinations_with_replacement(places, 2):
        counts += np.bincount(first * size + second, minlength=len(counts))
    half = counts.reshape(size, size)[:n_columns, :n_columns]
    sums = np.broadcast_to(target[:, None], columns.shape)[used]
    moments = np.bincount(columns[used], sums, minlength=n_columns)
    return half + half.T - np.diag(half.diagonal()), np.asarray(moments, np.float64)


def _canonical(space: str, base: float, raw: Mapping[Key, NDArray[np.float64]]) -> Responses:
    points: dict[Key, NDArray[np.float64]] = {}
    for unit in sorted({key[0] for key in raw}):
        depths = sorted({key[1] for key in raw if key[0] == unit})
        levels = {depth: sum(raw[unit, depth, layer].mean() for layer in range(depth)) for depth in depths}
        average = float(np.mean(list(levels.values())))
        base += average
        for depth in depths:
            for layer in range(depth):
                effects = raw[unit, depth, layer]
                points[unit + 1, depth, layer + 1] = effects - effects.mean() + (levels[depth] - average) / depth
    return Responses(space, base, points)


def read_label_codes(space: str) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Read the labelled archs of ``data/labels/<space>.parquet``, at 224 pixels.

    Returns
    -------
    Block codes, shape (n, n_units, n_layers), -1 where a layer is inactive; and top-1 in percent, shape (n,).

    Raises
    ------
    DataError
        If the labels are not there: a wheel is without them.
    """
    import pyarrow.parquet as pq

    path = content_dir("data") / "labels" / f"{space}.parquet"
    if not path.is_file():
        raise DataError(f"{path} does not exist; the labels are in the source of blockprofile, not in an installed one")
    table = pq.read_table(path)
    names = [name for name in table.column_names if re.fullmatch(r"u\d+l\d+", name)]
    places = [(int(unit) - 1, int(layer) - 1) for unit, layer in (name[1:].split("l") for name in names)]
    shape = (table.num_rows, 1 + max(unit for unit, _ in places), 1 + max(layer for _, layer in places))
    codes = np.full(shape, -1, np.int64)
    for name, (unit, layer) in zip(names, places, strict=True):
        column = table[name].to_numpy().astype(np.int64)
        codes[:, unit, layer] = np.where(column == INACTIVE, -1, column)
    return codes, table["top1_percent"].to_numpy().astype(np.float64)


@lru_cache(maxsize=4)
def load_responses(space: str) -> Responses:
    """Load the committed responses of ``ofa_mbv3`` or ``ofa_proxyless``.

    Raises
    ------
    CoverageError
        If there are none for the space.
    """
    base: float | None = None
    points: dict[Key, NDArray[np.float64]] = {}
    for row in read_published_table("supernet_top1"):
        if row["space"] != space:
            continue
        if row["unit"] == "0":
            base = float(row["points"])
            continue
        key = (int(row["unit"]), int(row["depth"]), int(row["layer"]))
        block = EXPANSIONS.index(int(row["expansion"])) * len(KERNELS) + KERNELS.index(int(row["kernel"]))
        points.setdefault(key, np.zeros(N_BLOCKS))[block] = float(row["points"])
    if base is None:
        raise CoverageError(f"there are no supernet responses for space {space!r}; choices: ofa_mbv3, ofa_proxyless")
    return Responses(space, base, points)
