"""`sample`: draw a pool of archs, evaluate it, keep it in a run folder.

The data depend on space, predictors, law, seed, limit and n alone: not on workers, nor on where a run was
interrupted. A run that was killed goes on from its finished shards; a larger ``n`` extends it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import RunError
from blockprofile.numbers import parse_count
from blockprofile.predict.evaluator import Evaluator
from blockprofile.predict.registry import Entry, build_predictor, select_entries
from blockprofile.run.chunks import CHUNK_SIZE, chunk_length, chunk_rng, draw_chunk, n_chunks
from blockprofile.run.limits import limited_sampler, parse_limit
from blockprofile.run.manifest import (
    MANIFEST_NAME,
    Manifest,
    describe_predictor,
    describe_space,
    read_manifest,
    refuse_other,
    write_manifest,
)
from blockprofile.run.parallel import check_backend, run_tasks
from blockprofile.run.progress import show_progress
from blockprofile.run.shards import SAMPLES, is_complete, shard_path, write_shard
from blockprofile.space import Archs, Law, Space, load_space
from blockprofile.space.sampling import check_law

if TYPE_CHECKING:
    from blockprofile.profile.limit import LimitedSampler

__all__ = ["PoolRequest", "SampleRun", "draw_and_evaluate", "sample"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRequest:
    """What decides a pool's data; small, and fit to travel to workers.

    ``space`` is a shipped name or a path; ``devices``, ``metrics`` as in `blockprofile.predict.load_predictors`.
    """

    space: str
    n: int
    devices: tuple[str, ...] = ()
    metrics: tuple[str, ...] | None = None
    seed: int = 0
    law: Law = "papers"
    resolution: int | None = None
    limit: str | None = None

    def load(self) -> Space:
        """Load the space at the wanted resolution."""
        return load_space(self.space, resolution=self.resolution)

    def entries(self, space: Space) -> tuple[Entry, ...]:
        """Find the cards and folders of the predictors."""
        return select_entries(space, devices=self.devices, metrics=self.metrics)

    def config(self) -> dict[str, Any]:
        """Write down what decides the data."""
        space = self.load()
        predictors = {entry[0].metric: describe_predictor(entry, space, law=self.law) for entry in self.entries(space)}
        return {
            "space": describe_space(space, self.space),
            "devices": list(self.devices),
            "metrics": None if self.metrics is None else list(self.metrics),
            "predictors": predictors,
            "seed": self.seed,
            "law": self.law,
            "limit": self.limit,
            "chunk_size": CHUNK_SIZE,
            "n": self.n,
        }


@dataclass(frozen=True, slots=True)
class SampleRun:
    """A finished run: its folder, how many archs, how many of them were drawn now, and in how many seconds."""

    folder: Path
    n: int
    n_new: int
    seconds: float
    metrics: tuple[str, ...]


@lru_cache(maxsize=4)
def _tools(request: PoolRequest) -> tuple[Space, Evaluator, LimitedSampler | None]:
    space = request.load()
    evaluator = Evaluator(space, [build_predictor(entry, space) for entry in request.entries(space)])
    if request.limit is None:
        return space, evaluator, None
    return space, evaluator, limited_sampler(space, parse_limit(request.limit, space), law=request.law)


def draw_and_evaluate(request: PoolRequest, index: int) -> tuple[Archs, dict[str, NDArray[np.float32]]]:
    """Draw and evaluate chunk number ``index`` of the pool.

    Returns
    -------
    Archs, uint8 (n, n_slots), and metric -> float32 (n,).
    """
    # The tools do not depend on n: workers keep them when a pool grows.
    space, evaluator, limited = _tools(replace(request, n=1))
    if limited is None:
        archs = draw_chunk(space, seed=request.seed, index=index, n=request.n, law=request.law)
    else:
        rng = chunk_rng(request.seed, index)
        archs = limited.draw(CHUNK_SIZE, rng)[: chunk_length(request.n, index)]
    return archs, evaluator(archs)


def _make_shard(request: PoolRequest, folder: Path, index: int) -> int:
    space, _, _ = _tools(replace(request, n=1))
    archs, metrics = draw_and_evaluate(request, index)
    write_shard(shard_path(folder, index), space, archs, metrics)
    return len(archs)


def _prepare(folder: Path, request: PoolRequest, command: str) -> tuple[int, dict[str, Any]]:
    """Check or make the folder; return the number of archs that it will hold, and its config."""
    config = request.config()
    old_n = 0
    if (folder / MANIFEST_NAME).is_file():
        old = dict(read_manifest(folder).config)
        old_n = int(old.get("n", 0))
        if request.n >= old_n:
            old["n"] = config["n"]
        refuse_other(folder, old, config)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"--out {str(folder)!r} exists and is no run folder; choose another, or empty it")
    try:
        (folder / SAMPLES).mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as failure:
        raise RunError(f"--out {str(folder)!r} cannot be made: {failure.strerror}; choose another place") from None
    if request.n > old_n:
        write_manifest(folder, Manifest(kind="samples", config=config, command=command))
    return request.n, config


def _pending(folder: Path, request: PoolRequest) -> Iterator[int]:
    for index in range(n_chunks(request.n)):
        if not is_complete(shard_path(folder, index), chunk_length(request.n, index)):
            yield index


def sample(
    space: str | Path,
    *,
    out: str | Path,
    n: int | str = 1_000_000,
    devices: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    law: str = "papers",
    resolution: int | None = None,
    limit: str | None = None,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    command: str = "",
) -> SampleRun:
    """Draw a pool of archs at random, evaluate it and keep it in a folder.

    Parameters
    ----------
    space
        A shipped name or a file.
    out
        The run folder. One with the same configuration is completed; another configuration is refused.
    n
        How many archs; ``1e6`` is understood.
    devices, metrics
        What to evaluate; see `blockprofile.predict.load_predictors`.
    seed, law, resolution
        See `blockprofile.space.draw_archs` and `load_space`.
    limit
        Draw only archs within a limit, such as ``latency_ms:note10<=30``, without rejection.
    workers, backend, scheduler
        See `blockprofile.run.parallel.run_tasks`; the data do not depend on them.
    command
        What the user typed, for the manifest.

    Raises
    ------
    UserError, DataError
        For unknown names, values that are not allowed, a folder of another configuration.
    OSError
        If the folder cannot be written; finished shards are kept.
    """
    request = PoolRequest(
        space=str(space),
        n=parse_count(n),
        devices=tuple(devices),
        metrics=None if metrics is None else tuple(metrics),
        seed=seed,
        law=check_law(law),
        resolution=resolution,
        limit=limit,
    )
    chunk_rng(seed, 0)
    check_backend(backend, workers)
    started = time.perf_counter()
    _, evaluator, _ = _tools(replace(request, n=1))
    folder = Path(out)
    _prepare(folder, request, command)
    pending = list(_pending(folder, request))
    tasks = ((request, folder, index) for index in pending)
    total = sum(chunk_length(request.n, index) for index in pending)
    with show_progress(f"sampling {request.space}", total) as advance:
        for done in run_tasks(_make_shard, tasks, workers=workers, backend=backend, scheduler=scheduler):
            advance(done)
    return SampleRun(folder, request.n, total, time.perf_counter() - started, evaluator.metrics)
