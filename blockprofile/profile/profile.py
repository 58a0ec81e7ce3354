"""`profile`: a run folder, or a pool that is drawn on the way and not kept, to the table of responses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from blockprofile.additive import check_presence
from blockprofile.errors import OptionError, RunError
from blockprofile.files import remove_leftovers
from blockprofile.folderlock import lock_folder
from blockprofile.profile.accumulate import EXACT_LIMIT, Accumulator
from blockprofile.profile.checkpoint import load_checkpoint, remove_checkpoint, save_checkpoint
from blockprofile.profile.corrected import PREDICTOR, TRUTH
from blockprofile.profile.on_device import DeviceAccumulator
from blockprofile.profile.record import PROFILE_NAME, Profile
from blockprofile.profile.responses import DEFAULT_TAUS, MetricInfo, Settings, response_table
from blockprofile.profile.rows import KeptRows, explain_metrics, is_sampled, write_rows
from blockprofile.run import (
    HERE,
    Execution,
    Pool,
    PoolRequest,
    RunFolder,
    check_workers,
    chunk_length,
    draw,
    draw_and_evaluate,
    is_complete,
    keep_labelled,
    kept_labelled,
    n_chunks,
    open_run,
    read_shard,
    run_digest,
    run_tasks,
    shard_path,
    show_progress,
)
from blockprofile.space import check_law, kept_space

EXACT_BLOCK = 4
SKETCH_BLOCK = 32
DEVICE_BLOCK, DEVICE_BLOCKS = 512, 32
CHECKPOINT_SECONDS = 30.0


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


def _summarise_shards(folder: Path, config: Mapping[str, Any], indices: Sequence[int]) -> Accumulator:
    space, run, n = kept_space(config["space"], folder), run_digest(config), int(config["n"])
    metrics = tuple(config["predictors"])
    seen = Accumulator(space, metrics, n_planned=n)
    for index in indices:
        seen.add(*read_shard(shard_path(folder, index), space, metrics, n=chunk_length(n, index), run=run))
    return seen


def _summarise_draws(pool: Pool, indices: Sequence[int]) -> Accumulator:
    evaluate = pool.tools().evaluate
    if evaluate.device is not None:
        on_device = DeviceAccumulator(pool.space, pool.metrics, n_planned=pool.n, device=evaluate.device)
        for index in indices:
            archs = draw(pool, index)
            on_device.add(archs, *evaluate.on_accelerator(archs))
        return on_device.take()
    seen = Accumulator(pool.space, pool.metrics, n_planned=pool.n)
    for index in indices:
        seen.add(*draw_and_evaluate(pool, index))
    return seen


def _blocks(n: int, start: int = 0, *, is_on_device: bool = False) -> Iterator[range]:
    """Cut the chunks of a pool into blocks that are summed on their own and merged in order."""
    total = n_chunks(n)
    size = EXACT_BLOCK if n <= EXACT_LIMIT else SKETCH_BLOCK
    if is_on_device:  # what a large block brings back is no more than what a small one does
        size = max(size, min(DEVICE_BLOCK, total // DEVICE_BLOCKS))
    for first in range(start, total, size):
        yield range(first, min(first + size, total))


def profile_run(
    run: str | Path,
    *,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
    execution: Execution = HERE,
) -> Profile:
    """Profile the archs of a run folder and write ``profile.parquet`` into it.

    Parameters
    ----------
    run
        A finished run of `sample`.
    presence, taus
        See `blockprofile.profile.responses.Settings`.
    execution
        Where the work is done; the table does not depend on it.

    Raises
    ------
    UserError
        If the folder is no finished run, or an argument is not allowed.
    DataError
        If a shard is damaged.
    """
    started = time.perf_counter()
    if execution.accelerator != "cpu":
        raise OptionError(
            f"--accelerator {execution.accelerator} has no effect here: the archs of {str(run)!r} are evaluated already"
        )
    path, config = Path(run), RunFolder.read(run, "samples").config
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
            f"{str(path)!r} is unfinished: {len(missing)} of {n_chunks(n)} shards are missing or cut, the first is "
            f"{shard_path(path, missing[0]).name}; run the sample command again to complete it"
        )
    tasks = ((path, config, block) for block in _blocks(n))
    seen: Accumulator | None = None
    with lock_folder(path), show_progress("profiling", n, alone=True) as advance:
        remove_leftovers(path)
        for part in run_tasks(_summarise_shards, tasks, execution):
            advance(part.moments.n)
            _load_what_follows()
            seen = _merged(seen, part)
        assert seen is not None
        return _finish(seen, path, config, settings, started, execution)


def profile_pool(
    request: PoolRequest,
    *,
    out: str | Path,
    presence: str = "given",
    taus: Sequence[float] = DEFAULT_TAUS,
    execution: Execution = HERE,
) -> Profile:
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
    pool = request.resolve().on(execution.accelerator)
    with open_run(out, kind="profile", config=pool.config) as folder:
        keep_labelled(folder, pool)
        seen = Accumulator(pool.space, pool.metrics, n_planned=pool.n)
        done = 0 if seen.is_exact else load_checkpoint(folder, seen, run=pool.run)
        if done:
            seen.first = KeptRows.first(*draw_and_evaluate(pool, 0))
        blocks = list(_blocks(pool.n, done, is_on_device=pool.accelerator is not None))
        tasks = ((pool, block) for block in blocks)
        saved = time.monotonic()
        with show_progress(f"profiling {request.space}", pool.n, alone=True) as advance:
            advance(seen.moments.n)
            results = run_tasks(_summarise_draws, tasks, execution)
            for block, part in zip(blocks, results, strict=True):
                if seen.is_exact:
                    _load_what_follows()
                seen.merge(part)
                advance(part.moments.n)
                if not seen.is_exact and time.monotonic() - saved > CHECKPOINT_SECONDS:
                    save_checkpoint(folder, seen, block.stop, run=pool.run)
                    saved = time.monotonic()
        result = _finish(seen, folder, pool.config, settings, started, execution)
        remove_checkpoint(folder)
    return result


def _load_what_follows() -> None:
    """Import what the table is made with, while the workers go on."""
    for name in ("pandas", "scipy.special"):
        import_module(name)


def _merged(seen: Accumulator | None, part: Accumulator) -> Accumulator:
    if seen is None:
        return part
    seen.merge(part)
    return seen


def _finish(
    seen: Accumulator,
    folder: Path,
    config: Mapping[str, Any],
    settings: Settings,
    started: float,
    execution: Execution,
) -> Profile:
    labelled, workers = kept_labelled(folder, config, seen.space), check_workers(execution.workers)
    table = response_table(seen, info=metric_infos(config), settings=settings, labelled=labelled, workers=workers)
    rows = seen.first
    assert rows is not None
    write_rows(folder, config, seen.space, rows)
    sampled = {name: rows.values[name] for name, each in config["predictors"].items() if is_sampled(each)}
    about = {
        "config": config, "presence": settings.presence, "taus": settings.taus,
        "pairs": explain_metrics(seen.space, KeptRows(rows.archs, sampled, rows.counts)),
    }  # fmt: skip
    profile = Profile(table, about, folder / PROFILE_NAME, time.perf_counter() - started)
    profile.write()
    return profile
