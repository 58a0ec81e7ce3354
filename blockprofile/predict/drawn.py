"""Labels of drawn archs: a file of labels alone, since the archs are drawn again from their seed.

A label takes two bytes that way instead of ten, and millions of them fit where a table of archs would not. The file
keeps a digest of the archs that were labelled; archs that come out otherwise are refused.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.predict.card import Card
from blockprofile.predict.design import Design, draw_design
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.registry import Entry, build_predictor
from blockprofile.space.space import Space

__all__ = ["label_design", "read_drawn", "write_drawn"]

HEADER_KEY = b"blockprofile"
FORMAT = "blockprofile.drawn/1"


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


def write_drawn(path: Path, entry: Entry, space: Space, *, n: int, seed: int, decimals: int) -> NDArray[np.float32]:
    """Label drawn archs with a predictor and write the labels.

    Parameters
    ----------
    path
        The Parquet file to write.
    n, seed
        Of the design; see `draw_design`.
    decimals
        The labels are rounded to so many.

    Returns
    -------
    The labels as written, float32 of shape (n,).

    Raises
    ------
    CoverageError, OptionError
        As `label_design` and `draw_design`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    design = draw_design(space, n, seed=seed)
    labels = np.round(label_design(entry, space, design), decimals)
    card: Card = entry[0]
    about = {
        "format": FORMAT, "space": space.base.name, "n": n, "seed": seed, "archs": _digest(design), "from": card.title,
    }  # fmt: skip
    table = pa.table({card.metric: labels}).replace_schema_metadata({HEADER_KEY: json.dumps(about).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", compression_level=19)
    return labels


def read_drawn(path: Path, space: Space) -> LabelTable:
    """Draw the archs of a file again and put its labels beside them.

    Raises
    ------
    DataError
        If the file is unreadable, of another space, or its archs come out otherwise than they were labelled.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise DataError(f"{path} does not exist or is no file; `predictor label` writes one")
    try:
        table = pq.read_table(path)
        about: dict[str, Any] = json.loads((table.schema.metadata or {})[HEADER_KEY])
        name, n, seed, digest = about["space"], int(about["n"]), int(about["seed"]), about["archs"]
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as failure:
        raise DataError(f"{path} cannot be read as labels of drawn archs: {failure}") from None
    if name != space.base.name or n != len(table):
        raise DataError(
            f"{path} holds {len(table)} labels for {n} archs of {name!r}; space {space.name!r} is asked for"
        )
    design = draw_design(space.base, n, seed=seed)
    if _digest(design) != digest:
        raise DataError(f"{path}: the archs drawn with seed {seed} are not those that were labelled")
    labels = {str(column): table[column].to_numpy().astype(np.float64) for column in table.column_names}
    known = space.definition.input
    at_several = len(known.resolutions) > 1 and not known.searched
    return LabelTable(path, design.archs, labels, design.resolutions if at_several else None)


def _digest(design: Design) -> str:
    return hashlib.sha256(design.archs.tobytes() + design.resolutions.tobytes()).hexdigest()
