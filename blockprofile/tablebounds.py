"""How much of a table is read: what its columns take in memory, which a small file need not show."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.errors import DataError
from blockprofile.tablecolumn import filled, numbers_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["check_size", "is_text", "unfolded"]

MAX_BYTES = 1 << 30


def check_size(path: Path, file: pq.ParquetFile, names: Sequence[str], cell_bytes: int) -> None:
    """Check what the columns that are read unfold to: a file of one value over and over is small, its rows are not.

    Parameters
    ----------
    cell_bytes
        What a number takes at least; a text takes four times that, for what refers to it.

    Raises
    ------
    DataError
        With the numbers of rows, columns and bytes, and the bound.
    """
    import pyarrow as pa

    meta, widths, open_ended = file.metadata, dict[str, int](), list[str]()
    for name in names:
        kind = file.schema_arrow.field(name).type
        is_open = pa.types.is_null(kind) or pa.types.is_nested(kind) or pa.types.is_dictionary(kind)
        widths[name] = 4 * cell_bytes if is_text(kind) or is_open else max(cell_bytes, kind.bit_width // 8)
        open_ended += [name] if is_text(kind) or is_open else []
    size = meta.num_rows * sum(widths.values())
    for index in range(meta.num_row_groups):
        size += _beyond_rows(file, index, {name: widths[name] for name in open_ended}) if open_ended else 0
    if size > MAX_BYTES:
        told = f"{meta.num_rows:,} rows of {len(names)} columns, which take {size:,} bytes"
        raise DataError(f"{path} has {told}; at most {MAX_BYTES:,} are read: leave out rows or columns")


def _beyond_rows(file: pq.ParquetFile, index: int, widths: Mapping[str, int]) -> int:
    """Count what the columns of a row group whose cells have no one size take beyond one cell a row.

    A damaged description of a column ends the process where it is asked for, and is an exception where it is read: so
    one row is read first, of a row group whose whole size is in bounds.
    """
    meta = file.metadata
    group = meta.row_group(index)
    if group.total_byte_size > MAX_BYTES:
        return int(group.total_byte_size)
    next(file.iter_batches(batch_size=1, row_groups=[index], columns=list(widths)), None)
    size = 0
    for place in range(meta.num_columns):
        owner = _owner(file.schema.column(place).path, widths)
        if owner is not None:
            chunk = group.column(place)
            cells = max(chunk.num_values, group.num_rows) * widths[owner]
            size += max(chunk.total_uncompressed_size, cells) - group.num_rows * widths[owner]
    return size


def _owner(path: str, names: Collection[str]) -> str | None:
    """Return the column of a leaf, whose path goes on below the column's name; both may hold dots."""
    words = path.split(".")
    heads = (".".join(words[:length]) for length in range(len(words), 0, -1))
    return next((head for head in heads if head in names), None)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column holds texts or bytes, of any length."""
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return any(
        is_kind(inner)
        for is_kind in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    )


def unfolded(path: Path, table: pa.Table) -> pa.Table:
    """Turn dictionaries of texts into texts, if they are not too many bytes.

    Raises
    ------
    DataError
        With the column, the bytes up to it and the bound.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    size = 0.0
    for place, name in enumerate(table.column_names):
        values = table[name]
        if not pa.types.is_dictionary(values.type):
            continue
        for chunk in values.chunks if is_text(values.type) else ():
            lengths = numbers_of(filled(pc.binary_length(chunk.dictionary), 0)).astype(np.float64)
            places = numbers_of(pc.drop_null(chunk.indices))
            size += float(lengths[places].sum())
        if size > MAX_BYTES:
            raise DataError(f"{path}: column {name!r} unfolds to {size:,.0f} bytes; at most {MAX_BYTES:,} are read")
        table = table.set_column(place, name, values.cast(values.type.value_type))
    return table
