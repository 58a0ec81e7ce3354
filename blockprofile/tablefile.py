"""Parquet in and out: the one reader of every table, which checks columns, types, ranges and size before use.

`write_table` keeps a checksum of every column in the file's own metadata, beside what the table is about;
`read_signed` refuses a table whose values or words are not those that were written. `read_columns` reads tables that
people make, which have no checksums.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, UnknownNameError, one_of
from blockprofile.files import replacing
from blockprofile.jsonfile import digest_of, parse_json
from blockprofile.tablebounds import check_size, is_text, unfolded
from blockprofile.tablecolumn import Column, Kind, check_column, filled, numbers_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

__all__ = ["Column", "Kind", "read_columns", "read_signed", "read_table_columns", "write_table"]

MAX_ROWS = 1 << 24
_ABOUT, _SUMS = b"blockprofile", b"blockprofile.sums"


def write_table(
    path: Path,
    table: pa.Table,
    *,
    about: Mapping[str, Any] | None = None,
    within: Path | None = None,
    sync: bool = True,
    **options: Any,
) -> None:
    """Write a table whole or not at all, with checksums of its columns and of ``about``.

    Parameters
    ----------
    about
        Plain data on what the table was made from; `read_signed` gives it back.
    within, sync
        See `blockprofile.files.replacing`.
    options
        Of `pyarrow.parquet.write_table`; none gives zstd.

    Raises
    ------
    OSError
        With the file's name; nothing is left of the new file.
    """
    import pyarrow.parquet as pq

    told = json.dumps(dict(about or {}), ensure_ascii=False, allow_nan=False)
    sums = {name: _sum(table[name]) for name in table.column_names}
    sums[""] = digest_of(json.loads(told))
    metadata = {**(table.schema.metadata or {}), _ABOUT: told.encode(), _SUMS: json.dumps(sums).encode()}
    with replacing(path, within=within, sync=sync) as file:
        pq.write_table(table.replace_schema_metadata(metadata), file, **(options or {"compression": "zstd"}))


def read_signed(
    path: Path, columns: Mapping[str, Column], *, made_by: str, max_rows: int = MAX_ROWS, with_others: bool = False
) -> tuple[pa.Table, dict[str, Any]]:
    """Read columns of a table that `write_table` wrote.

    Parameters
    ----------
    columns
        What is read; other columns of the file are left alone.
    made_by
        What makes the file anew, for errors.
    with_others
        Read the file's other columns too, after these, whatever they hold.

    Returns
    -------
    The columns in the order asked for, those that are optional and missing left out, and what the table is about.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        As `read_columns`; or if the table has no checksums (it is of an earlier version) or is not as it was written.
    """
    table = read_columns(path, columns, max_rows=max_rows, with_others=with_others)
    metadata = table.schema.metadata or {}
    again = f"make it anew with {made_by}"
    if _SUMS not in metadata or _ABOUT not in metadata:
        raise DataError(f"{path} has no checksums: an earlier version or another program wrote it; {again}")
    about, sums = parse_json(metadata[_ABOUT], path), parse_json(metadata[_SUMS], path)
    if not isinstance(about, dict) or not isinstance(sums, dict) or sums.get("") != digest_of(about):
        raise DataError(f"{path} is damaged: what is said of it is not as it was written; {again}")
    for name in table.column_names:
        if sums.get(name) != _sum(table[name]):
            raise DataError(f"{path} is damaged: the values of column {name!r} are not as they were written; {again}")
    return table, about


def read_columns(
    path: Path,
    columns: Mapping[str, Column],
    *,
    max_rows: int = MAX_ROWS,
    with_others: bool = False,
    cell_bytes: int = 1,
) -> pa.Table:
    """Read columns of a Parquet file and check them.

    Parameters
    ----------
    columns, with_others
        See `read_signed`.
    cell_bytes
        What a cell takes at least where the caller makes more of it, for the bound of memory.

    Returns
    -------
    The columns in the order asked for, those that are optional and missing left out.

    Raises
    ------
    UnknownNameError
        If there is no such file.
    DataError
        If it is no Parquet file or is damaged, has too many rows or unfolds to too many bytes, or if a column is
        missing, of another type, has empty cells or values out of range; with the file, the column and the row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UnknownNameError(f"there is no file {str(path)!r}")
    try:
        # Texts stay a dictionary until it is known how much they unfold to.
        schema = pq.read_schema(path)
        texts = [name for name in schema.names if schema.names.count(name) == 1 and is_text(schema.field(name).type)]
        with pq.ParquetFile(path, read_dictionary=texts, thrift_string_size_limit=1 << 26) as file:
            names = _checked_names(path, file, columns, max_rows)
            names += [name for name in file.schema_arrow.names if with_others and name not in columns]
            check_size(path, file, names, cell_bytes)
            table = file.read(columns=names)
    # Damaged metadata give any of these; MemoryError where a length is absurd.
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, MemoryError, UnicodeDecodeError) as failure:
        if isinstance(failure, DataError):
            raise
        told = str(failure).strip().splitlines()
        raise DataError(f"{path} cannot be read as Parquet: {told[0] if told else 'not enough memory'}") from None
    if table.column_names != names or any(len(table[name]) != table.num_rows for name in names):
        raise DataError(f"{path} cannot be read as Parquet: its columns are not those that it names")
    try:
        table.validate(full=True)
    except (pa.ArrowException, ValueError) as failure:
        raise DataError(f"{path} is damaged: {str(failure).splitlines()[0]}") from None
    for name in names:
        if name in columns:
            check_column(path, name, table[name], columns[name])
    # What pandas keeps beside the columns is not checked, and not needed: an index is a column.
    kept = {key: value for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
    return unfolded(path, table.replace_schema_metadata(kept) if names else table)


def read_table_columns(path: Path) -> tuple[int, dict[str, NDArray[np.float64] | list[str]], dict[str, str]]:
    """Read every column of a table that somebody made, an index that pandas keeps beside the columns included.

    Returns
    -------
    The number of rows; columns of numbers (float64, NaN where empty) and of texts (empty where empty) by name; and the
    columns of any other kind, with what they hold.

    Raises
    ------
    DataError
        As `read_columns`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, thrift_string_size_limit=1 << 26) as file:
            schema = file.schema_arrow
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError, MemoryError, UnicodeDecodeError) as failure:
        told = str(failure).strip().splitlines()
        raise DataError(f"{path} cannot be read as Parquet: {told[0] if told else 'not enough memory'}") from None
    kinds = {field.name: _open_kind(field.type) for field in schema}
    asked = {name: Column(kind, -np.inf, np.inf, is_nullable=True) for name, kind in kinds.items() if kind}
    if len(kinds) < len(schema):
        asked |= dict.fromkeys(kinds, Column("number"))  # two columns of one name: refused below
    table = read_columns(path, asked, cell_bytes=16)  # its own, and a float64
    columns: dict[str, NDArray[np.float64] | list[str]] = {}
    for name in asked:
        if asked[name].kind == "text":
            columns[name] = ["" if text is None else text.strip() for text in table[name].to_pylist()]
        else:
            columns[name] = numbers_of(table[name]).astype(np.float64)
    others = {field.name: f"holds {field.type}" for field in schema if not kinds[field.name]}
    return table.num_rows, columns, others


def _open_kind(kind: pa.DataType) -> Kind | None:
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_string(inner) or pa.types.is_large_string(inner):
        return "text"
    return "number" if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind) else None


def _checked_names(path: Path, file: pq.ParquetFile, columns: Mapping[str, Column], max_rows: int) -> list[str]:
    """Check names and size, before anything is unfolded; return the columns that are there."""
    there = list(file.schema_arrow.names)
    if len(set(there)) < len(there):
        raise DataError(
            f"{path} has two columns of one name: {', '.join(sorted({n for n in there if there.count(n) > 1}))}"
        )
    for name, column in columns.items():
        if name not in there and not column.is_optional:
            raise DataError(f"{path} lacks the column {name!r}; {one_of(name, there[:40])}")
    meta = file.metadata
    rows = [meta.row_group(index).num_rows for index in range(meta.num_row_groups)]
    if meta.num_rows < 0 or min(rows, default=0) < 0 or sum(rows) != meta.num_rows:
        raise DataError(f"{path} is damaged: its numbers of rows contradict each other")
    if meta.num_rows > max_rows:
        raise DataError(f"{path} has {meta.num_rows:,} rows; at most {max_rows:,} are read")
    return [name for name in columns if name in there]


def _sum(values: pa.ChunkedArray) -> str:
    """Return a checksum of a column's values and kind, the same however the values are cut or coded in the file."""
    digest = hashlib.blake2b(digest_size=12)
    for part in _parts(values):
        digest.update(part)
    return digest.hexdigest()


def _parts(values: pa.ChunkedArray) -> Sequence[bytes | memoryview]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if pa.types.is_null(kind):
        return [b"null", str(len(values)).encode()]
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        lengths = numbers_of(filled(pc.list_value_length(values), -1))
        return [
            b"list",
            _bytes(lengths.astype(np.int64)),
            *_parts(pa.chunked_array([pc.list_flatten(values).combine_chunks()])),
        ]
    if pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        plain = values.cast(pa.large_string())
        coded = plain.combine_chunks().dictionary_encode()
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        places = numbers_of(filled(coded.indices, -1))
        return [b"text", repr(coded.dictionary.to_pylist()).encode(), _bytes(places.astype(np.int64))]
    if values.null_count:
        empty = numbers_of(pc.is_null(values).cast(pa.uint8()))
        rest = pc.fill_null(values, pa.scalar(False if pa.types.is_boolean(kind) else 0, kind)).to_numpy()
        return [str(kind).encode(), _bytes(empty), _bytes(rest)]
    return [str(kind).encode(), _bytes(numbers_of(values))]


def _bytes(values: NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(values).data.cast("B") if len(values) else memoryview(b"")
