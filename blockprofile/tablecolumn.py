"""What a column of a table must be, and whether it is."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Column", "Kind", "check_column", "column_of", "filled", "numbers_of"]

Kind = Literal["uint8", "float32", "integer", "number", "text", "flag", "numbers"]
"""``uint8`` and ``float32`` are that type alone; a ``number`` is whole or floating, ``numbers`` are a list of them."""


@dataclass(frozen=True, slots=True)
class Column:
    """What a column must be.

    ``low`` and ``high`` bound its numbers, inclusively: an infinity is allowed only where it is the bound given.
    ``is_nullable`` lets cells be empty (null or NaN), ``is_optional`` lets the column be missing.
    """

    kind: Kind
    low: float = -sys.float_info.max
    high: float = sys.float_info.max
    is_nullable: bool = False
    is_optional: bool = False


def numbers_of(values: pa.ChunkedArray | pa.Array) -> NDArray[Any]:
    """Return what ``values.to_numpy()`` does, which loads pandas for it, whose start takes a second."""
    import pyarrow as pa

    kind = values.type
    if values.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return np.asarray(values.to_numpy())
    dtype = np.dtype(kind.to_pandas_dtype())
    parts = [
        np.frombuffer(part.buffers()[1], dtype)[part.offset : part.offset + len(part)]
        for part in getattr(values, "chunks", [values])
        if len(part)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype), *parts])


def column_of(numbers: NDArray[Any]) -> pa.Array:
    """Return what ``pa.array(numbers)`` does; see `numbers_of`."""
    import pyarrow as pa

    flat = np.ascontiguousarray(numbers)
    return pa.Array.from_buffers(pa.from_numpy_dtype(flat.dtype), len(flat), [None, pa.py_buffer(flat)])


def filled(values: pa.ChunkedArray | pa.Array, value: int) -> pa.ChunkedArray | pa.Array:
    """Return what ``pc.fill_null(values, value)`` does, without it where nothing is empty; see `numbers_of`."""
    import pyarrow.compute as pc

    return pc.fill_null(values, value) if values.null_count else values


def check_column(path: Path, name: str, values: pa.ChunkedArray, column: Column) -> None:
    """Check type, empty cells and range of a column.

    Raises
    ------
    DataError
        Naming the file, the column and the first row that is wrong.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    inner = (
        kind.value_type
        if pa.types.is_dictionary(kind) or pa.types.is_list(kind) or pa.types.is_large_list(kind)
        else kind
    )
    is_number = pa.types.is_integer(inner) or pa.types.is_floating(inner)
    fits = {
        "uint8": kind == pa.uint8(),
        "float32": kind == pa.float32(),
        "integer": pa.types.is_integer(kind),
        "number": is_number and inner is kind,
        "text": pa.types.is_string(inner) or pa.types.is_large_string(inner),
        "flag": pa.types.is_boolean(kind),
        "numbers": is_number and (pa.types.is_list(kind) or pa.types.is_large_list(kind)),
    }
    # A column of nothing but empty cells has no type.
    if not fits[column.kind] and not (pa.types.is_null(kind) and column.is_nullable):
        raise DataError(f"{path}: column {name!r} holds {kind}; must be {column.kind}")
    if not column.is_nullable and values.null_count:
        row = pc.index(pc.is_null(values), True).as_py()
        raise DataError(f"{path}: column {name!r} is empty in row {row + 1}")
    if is_number:
        _check_range(path, name, values, column)


def _check_range(path: Path, name: str, values: pa.ChunkedArray, column: Column) -> None:
    import pyarrow.compute as pc

    numbers = pc.list_flatten(values) if column.kind == "numbers" else values
    array = numbers_of(numbers)
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore"):  # a flipped bit can make a NaN that signals
            array = array.astype(np.float64)
    wrong = ~((array >= column.low) & (array <= column.high))
    if column.is_nullable or column.kind == "numbers":
        wrong &= ~np.isnan(array) if array.dtype.kind == "f" else True
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise DataError(f"{path}: column {name!r} holds {array[row]} in row {row + 1}; must be {_allowed(column)}")


def _allowed(column: Column) -> str:
    low = f"at least {column.low:g}" if column.low > -sys.float_info.max else ""
    high = f"at most {column.high:g}" if column.high < sys.float_info.max else ""
    return " and ".join(word for word in (low, high) if word) or "finite"
