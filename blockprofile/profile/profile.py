"""`profile`: a run folder, or a pool that is drawn on the way and not kept, to the table of responses."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import DataError, OptionError, RunError
from blockprofile.profile.accumulate import EXACT_LIMIT, Accumulator
from blockprofile.profile.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from blockprofile.profile.corrected import PREDICTOR, TRUTH
from blockprofile.profile.presence import check_presence
from blockprofile.profile.responses import DEFAULT_TAUS, MetricInfo, Settings, response_table
from blockprofile.run.chunks import chunk_length, n_chunks
from blockprofile.run.manifest import MANIFEST_NAME, Manifest, read_manifest, refuse_other, write_manifest
from blockprofile.run.parallel import run_tasks
from blockprofile.run.progress import show_progress
from blockprofile.run.sample import PoolRequest, draw_and_evaluate
from blockprofile.run.shards import is_complete, read_shard, shard_path
from blockprofile.space import Space, load_space
from blockprofile.space.sampling import check_law

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PROFILE_NAME", "ProfileResult", "profile_pool", "profile_run", "read_profile"]

PROFILE_NAME = "profile.parquet"
EXACT_BLOCK = 4
SKETCH_BLOCK = 32
CHECKPOINT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class ProfileResult:
    """The table of responses, where it was written, from how many archs and in how many seconds."""

    table: pd.DataFrame
    path: Path
    n: int
    seconds: float


def metric_infos(config: Mapping[str, Any]) -> dict[str, MetricInfo]:
    """Read unit, provenance and floor of every metric from a run's configuration."""
    return {
        name: MetricInfo(
            unit=about["unit"],
            provenance=about["provenance"],
            floor=about.get("floor"),
            holds_for=TRUTH if about["provenance"] == "counted" else PREDICTOR,
        )
        for name, about in config["predictors"].items()
    }


def check_taus(taus: Sequence[float]) -> tuple[float, ...]:
    """Return the tau of the quantiles, ascending and distinct.

    Raises
    ------
    OptionError
        If one is not between 0 and 1.
    """
    for tau in taus:
        if not 0 < tau < 1:
            raise OptionError(f"--tau is {tau}; it must be between 0 and 1")
    return tuple(sorted(set(taus)))


def load_run_space(config: Mapping[str, Any]) -> Space:
    """Load the space of a run and check that it is still the same.

    Raises
    ------
    RunError
        If the space's definition has changed since.
    """
    about = config["space"]
    space = load_space(about["source"]).at_resolution(about["resolution"])
    if space.hash != about["hash"]:
        raise RunError(
            f"space {about['source']!r} has changed since the run was made "
            f"(hash {about['hash'][:12]}… then, {space.hash[:12]}… now); sample again"
        )
    return space


def _summarise_shards(folder: Path, config: Mapping[str, Any], indices: Sequence[int]) -> Accumulator:
    space = load_run_space(config)
    metrics = tuple(config["predictors"])
    seen = Accumulator(space, metrics, n_planned=config["n"])
    for index in indices:
        seen.add(*read_shard(shard_path(folder, index), space, metrics))
    return seen


def _summarise_draws(request: PoolRequest, metrics: Sequence[str], indices: Sequence[int]) -> Accumulator:
    seen = Accumulator(request.load(), metrics, n_planned=request.n)
    for index in indices:
        seen.add(*draw_and_evaluate(request, index))
    return seen


def _blocks(n: int, start: int = 0) -> Iterator[range]:
    """Cut the chunks of a pool into blocks that are summed on their own and merged in order."""
    size = EXACT_BLOCK if n <= EXACT_LIMIT else SKETCH_BLOCK
    total = n_chunks(n)
    for first in range(start, total, size):
        yield range(first, min(first + size, total))


def profile_run(
    run: str | Path,
    *,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
) -> ProfileResult:
    """Profile the archs of a run folder and write ``profile.parquet`` into it.

    Parameters
    ----------
    run
        A finished run of `sample`.
    presence, taus
        See `blockprofile.profile.responses.Settings`.
    workers, backend, scheduler
        See `blockprofile.run.parallel.run_tasks`; the table does not depend on them.

    Raises
    ------
    UserError
        If the folder is no finished run, or an argument is not allowed.
    DataError
        If a shard is damaged.
    """
    started = time.perf_counter()
    path = Path(run)
    manifest = read_manifest(path)
    config = manifest.config
    if manifest.kind != "samples":
        raise RunError(f"{str(path)!r} holds a {manifest.kind}, no samples; give the folder of `blockprofile sample`")
    settings = Settings(presence=check_presence(presence), law=check_law(config["law"]), taus=check_taus(taus))
    if config["limit"] is not None and settings.presence != "given":
        raise OptionError(
            f"--presence {settings.presence} needs a pool of the whole law; this one is limited to {config['limit']}, "
            "for which only 'given' is defined"
        )
    n = int(config["n"])
    missing = [i for i in range(n_chunks(n)) if not is_complete(shard_path(path, i), chunk_length(n, i))]
    if missing:
        raise RunError(
            f"{str(path)!r} is unfinished: {len(missing)} of {n_chunks(n)} shards are missing, the first is "
            f"{shard_path(path, missing[0]).name}; run the sample command again to complete it"
        )
    seen: Accumulator | None = None
    tasks = ((path, config, block) for block in _blocks(n))
    with show_progress("profiling", n) as advance:
        for part in run_tasks(_summarise_shards, tasks, workers=workers, backend=backend, scheduler=scheduler):
            advance(part.moments.n)
            seen = _merged(seen, part)
    assert seen is not None
    return _finish(seen, path, config, settings, started)


def profile_pool(
    request: PoolRequest,
    *,
    out: str | Path,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    command: str = "",
) -> ProfileResult:
    """Draw, evaluate and profile a pool without keeping it; memory does not grow with ``n`` beyond 4,000,000 archs.

    The table is the one that `sample` and `profile_run` give. A large pool that is interrupted goes on from its
    last checkpoint.

    Raises
    ------
    UserError, DataError
        As `sample` and `profile_run`.
    """
    started = time.perf_counter()
    settings = Settings(presence=check_presence(presence), law=check_law(request.law), taus=check_taus(taus))
    config = request.config()
    folder = prepare_folder(out, config, command)
    metrics = tuple(config["predictors"])
    seen = Accumulator(request.load(), metrics, n_planned=request.n)
    done = 0 if seen.is_exact else load_checkpoint(folder, seen)
    tasks = ((request, metrics, block) for block in _blocks(request.n, done))
    saved = time.monotonic()
    with show_progress(f"profiling {request.space}", request.n) as advance:
        advance(seen.moments.n)
        results = run_tasks(_summarise_draws, tasks, workers=workers, backend=backend, scheduler=scheduler)
        for block, part in zip(_blocks(request.n, done), results, strict=True):
            seen.merge(part)
            advance(part.moments.n)
            if not seen.is_exact and time.monotonic() - saved > CHECKPOINT_SECONDS:
                save_checkpoint(folder, seen, block.stop)
                saved = time.monotonic()
    result = _finish(seen, folder, config, settings, started)
    remove_checkpoint(folder)
    return result


def prepare_folder(out: str | Path, config: Mapping[str, Any], command: str) -> Path:
    """Make the folder of a profile whose archs are not kept, or check that it is one of the same configuration.

    Raises
    ------
    RunError
        If the folder holds anything else.
    """
    folder = Path(out)
    if (folder / MANIFEST_NAME).is_file():
        refuse_other(folder, read_manifest(folder).config, config)
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"--out {str(folder)!r} exists and is no run folder; choose another, or empty it")
    else:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileNotFoundError as failure:
            raise RunError(f"--out {str(folder)!r} cannot be made: {failure.strerror}; choose another place") from None
        write_manifest(folder, Manifest(kind="profile", config=config, command=command))
    return folder


def _merged(seen: Accumulator | None, part: Accumulator) -> Accumulator:
    if seen is None:
        return part
    seen.merge(part)
    return seen


def _finish(
    seen: Accumulator, folder: Path, config: Mapping[str, Any], settings: Settings, started: float
) -> ProfileResult:
    table = response_table(seen, info=metric_infos(config), settings=settings)
    path = folder / PROFILE_NAME
    about = {"config": config, "presence": settings.presence, "taus": settings.taus}
    write_profile(table, path, about)
    return ProfileResult(table, path, seen.moments.n, time.perf_counter() - started)


def write_profile(table: pd.DataFrame, path: Path, about: Mapping[str, Any]) -> None:
    """Write a table of responses, with what it was made from in the file's own metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = pa.Table.from_pandas(table, preserve_index=False)
    metadata = {**(data.schema.metadata or {}), b"blockprofile": json.dumps(about).encode()}
    partial = path.with_name(path.name + ".partial")
    pq.write_table(data.replace_schema_metadata(metadata), partial, compression="zstd")
    partial.replace(path)


def read_profile(path: str | Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a table of responses and what it was made from.

    Parameters
    ----------
    path
        The file, or the folder that holds ``profile.parquet``.

    Raises
    ------
    RunError
        If there is none.
    DataError
        If the file is damaged or is no profile.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = Path(path)
    if file.is_dir():
        file = file / PROFILE_NAME
    if not file.is_file():
        raise RunError(f"there is no profile at {str(file)!r}; make one with `blockprofile profile {file.parent}`")
    try:
        data = pq.read_table(file)
        about = json.loads((data.schema.metadata or {})[b"blockprofile"])
    except (pa.ArrowException, OSError, KeyError, ValueError) as failure:
        raise DataError(f"{file} is no profile: {failure}") from None
    table = data.to_pandas()
    table["tau"] = table["tau"].astype(np.float64)
    return table, about
