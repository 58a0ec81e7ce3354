"""Labels of drawn archs: a file of labels alone, since the archs are drawn again from their seed.

A label is kept as a whole number of steps, and of that number only how far it is from what additive tables say. With
steps of a quarter of what the tables leave over that takes four bits, where an arch and its label take eighty, and
millions fit where a table of archs would not. The file keeps a digest of the archs that were labelled; archs that come
out otherwise are refused.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError
from blockprofile.files import make_folder, replacing
from blockprofile.jsonfile import parse_json
from blockprofile.predict.card import Card
from blockprofile.predict.design import Design, draw_design
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.registry import Entry, build_predictor
from blockprofile.predict.training import Layout, fit_additive
from blockprofile.predict.weights import network_codes, network_layout
from blockprofile.space.space import Space
from blockprofile.tablefile import read_columns

__all__ = ["label_design", "read_drawn", "write_drawn"]

HEADER_KEY = b"blockprofile"
FORMAT = "blockprofile.drawn/2"
MOST_STEPS = 1 << 28


def label_design(entry: Entry, space: Space, design: Design) -> NDArray[np.float32]:
    """Predict the metric of every arch of a design, each at its own resolution.

    Returns
    -------
    float32, shape (n,).

    Raises
    ------
    CoverageError
        If the predictor does not know the space or one of its resolutions.
    """
    labels = np.empty(len(design.archs), np.float32)
    for resolution in np.unique(design.resolutions):
        chosen = design.resolutions == resolution
        predictor = build_predictor(entry, space.at_resolution(int(resolution)))
        labels[chosen] = predictor.predict(design.archs[chosen])
    return labels


def write_drawn(path: Path, entry: Entry, space: Space, *, n: int, seed: int, step: float) -> NDArray[np.float64]:
    """Label drawn archs with a predictor and write the labels.

    Parameters
    ----------
    path
        The Parquet file to write.
    space
        The whole space: readers draw its archs again.
    n, seed
        Of the design; see `draw_design`.
    step
        In the metric's unit; the labels are rounded to multiples of it.

    Returns
    -------
    The labels as written, float64 of shape (n,).

    Raises
    ------
    CoverageError, OptionError
        As `label_design` and `draw_design`; or if the space is pruned, or the step not above 0 or too small for whole
        numbers.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not (np.isfinite(step) and step > 0):
        raise OptionError(f"labels in steps of {step}; the step must be above 0")
    if space.is_pruned:
        raise OptionError(f"space {space.name!r} is pruned; labels are of a whole space: give {space.base.name!r}")
    design = draw_design(space, n, seed=seed)
    labels = label_design(entry, space, design).astype(np.float64)
    largest = float(np.abs(labels).max())
    if largest / step >= MOST_STEPS:
        raise OptionError(f"labels up to {largest:.6g} are {largest / step:.3g} steps of {step}; take a larger step")
    steps = np.rint(labels / step).astype(np.int64)
    codes, layout = _codes(design, space), _layout(space)
    expected = _Expected.fit(codes, labels / step, layout)
    apart = steps - expected.of(codes, layout)
    least = int(apart.min())
    card: Card = entry[0]
    about = {
        "format": FORMAT, "space": space.name, "n": n, "seed": seed, "archs": _digest(design), "from": card.title,
        "step": step, "least": least, "constant": expected.constant, "table": expected.table.tolist(),
    }  # fmt: skip
    table = pa.table({card.metric: (apart - least).astype(np.int32)})
    make_folder(path.parent)
    with replacing(path) as file:
        pq.write_table(
            table.replace_schema_metadata({HEADER_KEY: json.dumps(about).encode()}), file, compression="zstd",
            compression_level=19, use_dictionary=False, use_byte_stream_split=True,
        )  # fmt: skip
    return np.multiply(steps, step, dtype=np.float64)


def read_drawn(path: Path, space: Space) -> LabelTable:
    """Draw the archs of a file again and put its labels beside them.

    Raises
    ------
    DataError
        If the file is unreadable, of another space, or its archs come out otherwise than they were labelled.
    """
    import pyarrow as pa

    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; `predictor label` writes one")
    table = read_columns(path, {}, with_others=True)
    try:
        about: dict[str, Any] = parse_json((table.schema.metadata or {})[HEADER_KEY], path)
        if about["format"] != FORMAT:
            raise ValueError(f"its format is {about['format']!r}, not {FORMAT!r}")
        name, n, seed, digest = about["space"], int(about["n"]), int(about["seed"]), about["archs"]
        step, least = float(about["step"]), int(about["least"])
        expected = _Expected(float(about["constant"]), np.asarray(about["table"], np.float64))
        (column,) = table.column_names
        if not pa.types.is_integer(table[column].type) or table[column].null_count:
            raise ValueError(f"its column {column!r} must hold whole numbers")
        apart = table[column].to_numpy().astype(np.int64) + least
    except (KeyError, TypeError, ValueError, OverflowError) as failure:
        raise DataError(f"{path} cannot be read as labels of drawn archs: {failure}") from None
    if name != space.base.name or n != len(table):
        raise DataError(
            f"{path} holds {len(table)} labels for {n} archs of {name!r}; space {space.name!r} is asked for"
        )
    if not (np.isfinite(step) and step > 0):
        raise DataError(f"{path}: its step is {step}; must be above 0")
    if not 0 <= seed < 2**63:
        raise DataError(f"{path}: its seed is {seed}; must be 0 to {2**63 - 1}")
    layout = _layout(space.base)
    if not expected.covers(layout):
        raise DataError(f"{path}: its additive table must hold {layout.n_rows} finite numbers")
    design = draw_design(space.base, n, seed=seed)
    if _digest(design) != digest:
        raise DataError(f"{path}: the archs drawn with seed {seed} are not those that were labelled")
    labels = {str(column): (apart + expected.of(_codes(design, space.base), layout)) * step}
    return LabelTable(path, design.archs, labels, design.resolutions if _at_several(space) else None)


@dataclass(frozen=True, slots=True, eq=False)
class _Expected:
    """What additive tables say of a label: a constant and one value for each row of the layout, in steps."""

    constant: float
    table: NDArray[np.float64]

    @classmethod
    def fit(cls, codes: NDArray[np.uint8], labels: NDArray[np.float64], layout: Layout) -> _Expected:
        constant, table = fit_additive(codes, labels[:, None], layout)
        return cls(float(constant[0]), table[:, 0])

    def covers(self, layout: Layout) -> bool:
        """Tell whether these are finite numbers, one for each row."""
        whole = self.table.shape == (layout.n_rows,)
        return whole and bool(np.isfinite(self.table).all()) and bool(np.isfinite(self.constant))

    def of(self, codes: NDArray[np.uint8], layout: Layout) -> NDArray[np.int64]:
        """Round to whole steps; the sums are taken in the order of the slots, and so the same everywhere."""
        found = np.full(len(codes), self.constant)
        for slot in layout.slots:
            found += self.table[layout.offsets[slot] :][codes[:, slot]]
        whole: NDArray[np.int64] = np.rint(found).astype(np.int64)
        return whole


def _at_several(space: Space) -> bool:
    known = space.definition.input
    return len(known.resolutions) > 1 and not known.searched


def _resolutions(space: Space) -> tuple[int, ...]:
    return tuple(sorted(space.definition.input.resolutions)) if _at_several(space) else ()


def _layout(space: Space) -> Layout:
    return Layout(*network_layout(space, len(_resolutions(space))))


def _codes(design: Design, space: Space) -> NDArray[np.uint8]:
    return network_codes(design.archs, design.resolutions if _at_several(space) else None, space, _resolutions(space))


def _digest(design: Design) -> str:
    return hashlib.sha256(design.archs.tobytes() + design.resolutions.tobytes()).hexdigest()
