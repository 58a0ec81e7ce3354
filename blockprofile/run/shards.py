"""Shards: one Parquet file per chunk, written whole or not at all, with checksums and the run that it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, UnknownNameError
from blockprofile.run.chunks import CHUNK_SIZE
from blockprofile.space import Archs, Space
from blockprofile.tablecolumn import column_of, numbers_of
from blockprofile.tablefile import Column, read_signed, write_table

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLES = "samples"
_MADE_BY = "the sample command that made the run"

Metrics = dict[str, NDArray[np.float32]]


def shard_path(folder: Path, index: int) -> Path:
    """Return the path of chunk number ``index`` of a run."""
    return folder / SAMPLES / f"part-{index:05d}.parquet"


def shard_paths(folder: Path) -> list[Path]:
    """List the finished shards of a run, in order."""
    return sorted((folder / SAMPLES).glob("part-*.parquet"))


def write_shard(
    path: Path, space: Space, archs: Archs, metrics: Mapping[str, NDArray[np.float32]], *, run: str = ""
) -> None:
    """Write archs and metrics: one uint8 column per slot, one float32 column per metric.

    Codes are packed into as many bits as they need (Parquet's dictionaries), which is smaller than what a compressor
    makes of them, and quicker.

    Parameters
    ----------
    run
        The digest of the run; see `blockprofile.run.manifest.run_digest`.

    Raises
    ------
    OSError
        If the disk is full or the folder is not writable; no partial file is left.
    """
    import pyarrow as pa

    columns = np.ascontiguousarray(archs.T)
    data = {slot.name: column_of(columns[slot.index]) for slot in space.slots}
    data |= {name: column_of(values) for name, values in metrics.items()}
    write_table(
        path, pa.table(data), about={"run": run, "part": path.stem}, within=path.parent.parent, sync=False,
        compression="none", use_dictionary=[slot.name for slot in space.slots],
    )  # fmt: skip


def is_complete(path: Path, n: int) -> bool:
    """Tell whether a shard is there with ``n`` rows; whether they are right is found when they are read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return False
    try:
        return bool(pq.read_metadata(path).num_rows == n)
    except (pa.ArrowException, OSError, ValueError):
        return False


def read_shard(
    path: Path, space: Space, metrics: tuple[str, ...], *, n: int | None = None, run: str | None = None
) -> tuple[Archs, Metrics]:
    """Read a shard.

    Parameters
    ----------
    n
        How many rows it must have; None is any number.
    run
        The digest of the run that it must belong to; None is any run.

    Raises
    ------
    DataError
        If the file is missing or damaged, is not as it was written, lacks a slot or metric, or is of another run or
        another place in it.
    """
    names = tuple(slot.name for slot in space.slots)
    table = _read(path, dict.fromkeys(names, Column("uint8")) | dict.fromkeys(metrics, Column("float32")), run)
    if n is not None and table.num_rows != n:
        raise DataError(f"{path} has {table.num_rows} rows, {n} were written; make it anew with {_MADE_BY}")
    archs = np.stack([numbers_of(table[name]) for name in names], axis=1)
    return np.ascontiguousarray(archs), {name: numbers_of(table[name]) for name in metrics}


def read_values(path: Path, metrics: tuple[str, ...], *, run: str | None = None) -> Metrics:
    """Read the metrics of a shard without its archs.

    Raises
    ------
    DataError
        As `read_shard`.
    """
    table = _read(path, dict.fromkeys(metrics, Column("float32")), run)
    return {name: numbers_of(table[name]) for name in metrics}


def _read(path: Path, columns: Mapping[str, Column], run: str | None) -> pa.Table:
    try:
        table, about = read_signed(path, columns, made_by=_MADE_BY, max_rows=CHUNK_SIZE)
    except UnknownNameError:
        raise DataError(f"{path} is missing; make it with {_MADE_BY}") from None
    if about.get("part") != path.stem or (run is not None and about.get("run") != run):
        raise DataError(f"{path} is a shard of another run, or of another place in it; make it anew with {_MADE_BY}")
    return table


def read_run(
    folder: Path, space: Space, metrics: tuple[str, ...], *, run: str | None = None
) -> Iterator[tuple[Archs, Metrics]]:
    """Read all shards of a run, one at a time, in order.

    Raises
    ------
    DataError
        As `read_shard`.
    """
    for path in shard_paths(folder):
        yield read_shard(path, space, metrics, run=run)
