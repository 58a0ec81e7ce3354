"""Shards: one Parquet file per chunk, written under another name and renamed when whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.space import Archs, Space

__all__ = ["SAMPLES", "is_complete", "read_run", "read_shard", "shard_path", "shard_paths", "write_shard"]

SAMPLES = "samples"

Metrics = dict[str, NDArray[np.float32]]


def shard_path(folder: Path, index: int) -> Path:
    """Return the path of chunk number ``index`` of a run."""
    return folder / SAMPLES / f"part-{index:05d}.parquet"


def shard_paths(folder: Path) -> list[Path]:
    """List the finished shards of a run, in order."""
    return sorted((folder / SAMPLES).glob("part-*.parquet"))


def write_shard(path: Path, space: Space, archs: Archs, metrics: Mapping[str, NDArray[np.float32]]) -> None:
    """Write archs and metrics: one uint8 column per slot, one float32 column per metric.

    Raises
    ------
    OSError
        If the disk is full or the folder is not writable; no partial file is left.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = np.ascontiguousarray(archs.T)
    data = {slot.name: pa.array(columns[slot.index]) for slot in space.slots}
    data |= {name: pa.array(values) for name, values in metrics.items()}
    partial = path.with_name(path.name + ".partial")
    try:
        pq.write_table(pa.table(data), partial, compression="zstd", compression_level=1, use_dictionary=False)
        partial.replace(path)
    except BaseException as failure:
        partial.unlink(missing_ok=True)
        if isinstance(failure, OSError) and failure.errno and failure.filename is None:
            raise OSError(failure.errno, os.strerror(failure.errno), str(path)) from failure
        raise


def is_complete(path: Path, n: int) -> bool:
    """Tell whether a shard is there with ``n`` rows."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        return False
    try:
        return bool(pq.read_metadata(path).num_rows == n)
    except (pa.ArrowException, OSError):
        return False


def read_shard(path: Path, space: Space, metrics: tuple[str, ...]) -> tuple[Archs, Metrics]:
    """Read a shard.

    Raises
    ------
    DataError
        If the file is damaged or lacks a slot or metric.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [slot.name for slot in space.slots]
    try:
        table = pq.read_table(path, columns=[*names, *metrics])
    except (pa.ArrowException, OSError, KeyError) as failure:
        raise DataError(f"{path} cannot be read: {failure}; delete it and sample again to make it anew") from None
    missing = [name for name in (*names, *metrics) if name not in table.column_names]
    if missing:
        raise DataError(f"{path} lacks the columns {', '.join(missing)}")
    archs = np.stack([table[name].to_numpy() for name in names], axis=1)
    return np.ascontiguousarray(archs), {name: table[name].to_numpy() for name in metrics}


def read_run(folder: Path, space: Space, metrics: tuple[str, ...]) -> Iterator[tuple[Archs, Metrics]]:
    """Read all shards of a run, one at a time, in order.

    Raises
    ------
    DataError
        As `read_shard`.
    """
    for path in shard_paths(folder):
        yield read_shard(path, space, metrics)
