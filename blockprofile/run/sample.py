"""`sample`: draw a pool of archs, evaluate it, keep it in a run folder.

The data depend on space, predictors, law, seed, limit and n alone: not on workers, nor on where a run was
interrupted. A run that was killed goes on from its finished shards; a larger ``n`` extends it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blockprofile.errors import DataError, OptionError
from blockprofile.files import make_folder
from blockprofile.run.chunks import chunk_length, n_chunks
from blockprofile.run.folder import open_run
from blockprofile.run.labelled import keep_labelled
from blockprofile.run.parallel import HERE, Execution, run_tasks
from blockprofile.run.pool import Pool, PoolRequest, make_shard
from blockprofile.run.progress import show_progress
from blockprofile.run.shards import SAMPLES, is_complete, read_shard, shard_path


@dataclass(frozen=True, slots=True)
class SampleRun:
    """A finished run: its folder, how many archs, how many of them were drawn now, and in how many seconds."""

    folder: Path
    n: int
    n_new: int
    seconds: float
    metrics: tuple[str, ...]


def _pending(folder: Path, pool: Pool) -> Iterator[int]:
    """Name the chunks that are missing, damaged, or of another run."""
    for index in range(n_chunks(pool.n)):
        path, length = shard_path(folder, index), chunk_length(pool.n, index)
        if is_complete(path, length):
            try:
                read_shard(path, pool.space, pool.metrics, n=length, run=pool.run)
            except DataError:
                pass
            else:
                continue
        yield index


def sample(
    request: PoolRequest | str | Path,
    *,
    out: str | Path,
    execution: Execution = HERE,
    n: int | str | None = None,
    devices: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
    seed: int | None = None,
) -> SampleRun:
    """Draw a pool of archs at random, evaluate it and keep it in a folder.

    Parameters
    ----------
    request
        What is asked for; or the space alone, by name or file, and beside it what is asked most.
    n, devices, metrics, seed
        Of `PoolRequest`, for a space alone.
    out
        The run folder. One with the same configuration is completed; another configuration is refused.
    execution
        Where the work is done; the data do not depend on it.

    Raises
    ------
    UserError, DataError
        For unknown names, values that are not allowed, a folder of another configuration.
    OSError
        If the folder cannot be written; finished shards are kept.
    """
    started = time.perf_counter()
    beside: dict[str, Any] = {"n": n, "devices": devices, "metrics": metrics, "seed": seed}
    asked = {name: value for name, value in beside.items() if value is not None}
    if not isinstance(request, PoolRequest):
        request = PoolRequest(str(request), **asked)
    elif asked:
        raise OptionError(f"{', '.join(asked)} would stand beside the request that is given; say it there")
    pool = request.resolve().on(execution.accelerator)
    with open_run(out, kind="samples", config=pool.config, can_grow=True) as folder:
        make_folder(folder / SAMPLES)
        keep_labelled(folder, pool)
        pending = list(_pending(folder, pool))
        tasks = ((pool, folder, index) for index in pending)
        total = sum(chunk_length(pool.n, index) for index in pending)
        with show_progress(f"sampling {request.space}", total, alone=True) as advance:
            for done in run_tasks(make_shard, tasks, execution):
                advance(done)
    return SampleRun(folder, pool.n, total, time.perf_counter() - started, pool.metrics)
