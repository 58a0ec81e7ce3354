"""`blockprofile supernet train | alone | search`: what trains, with the options of every training."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell
from blockprofile.cli.strict import refuse_idle
from blockprofile.cli.training import takes_training
from blockprofile.command import command_line

if TYPE_CHECKING:
    from blockprofile.space import Archs, Space
    from blockprofile.supernet import Report, Training

TELL_SECONDS = 10.0

SPACE = space_option()
FROM = typer.Option(None, "--from", help="A file with an arch in each line, in any of their forms; - is stdin.")
WORKERS = typer.Option(
    "auto", "--workers", help="Archs at once, each in a process; auto: as the cores that may be used have room for."
)


@takes_training()
def train(
    space: str = SPACE,
    out: Path = typer.Option(..., "--out", help="The folder to make; the same command goes on with it."),
    sampler: str = typer.Option(
        "fair", "--sampler", help="fair (FairNAS), uniform (SPOS), sandwich (BigNAS), proportional (NAO-V2)."
    ),
    sharing: str = typer.Option(
        "separate", "--sharing", help="separate: every choice its own weights; nested: parts of one set."
    ),
    transform: bool = typer.Option(
        False, "--transform", help="nested: matrices lead from a kernel to the next smaller."
    ),
    paths: int | None = typer.Option(
        None, "--paths", help="Archs of an update (uniform, proportional: 1; sandwich: 4)."
    ),
    *,
    training: Training,
    json: bool = JSON_OPTION,
) -> None:
    """Train one set of weights for all archs of a space; killed, the same command goes on.

    Examples
    --------
    blockprofile supernet train --space moga_32 --data /usr/share/datasets/fashion-mnist --out runs/fashion
    blockprofile supernet train --space nas_bench_macro --data cifar10/ --accelerator cuda --out runs/u
    """
    from blockprofile.supernet import Scheme, tell_worth, train_supernet

    scheme = Scheme(sampler=sampler, paths=paths, sharing=sharing, transform=transform)
    trained = train_supernet(space, training, out=out, scheme=scheme, tell=_teller(), remark=note)
    if json:
        print_json(asdict(trained))
        return
    done = f"{trained.n_steps:,} updates of {trained.n_paths} archs each"
    tell(
        f"{trained.folder}: {done}, loss {trained.curve[0]:.3g} in the first pass, {trained.curve[-1]:.3g} in the last"
    )
    for line in tell_worth(trained):
        tell(line)
    rate = f"{trained.n_new:,} updates now, in {trained.seconds:.0f} s" if trained.n_new else "the training was done"
    note(f"{rate}; next: {command_line('supernet evaluate', [out], n=1000, out='labels.parquet')}")


def _teller() -> Callable[[Report], None]:
    """Make what shows progress: a line every ten seconds, the first one after the first update."""
    last = [-TELL_SECONDS]

    def show(report: Report) -> None:
        now = time.monotonic()
        if now - last[0] < TELL_SECONDS and report.step < report.n_steps:
            return
        last[0] = now
        speed, left = f"{report.images_per_s:,.0f} images/s", _duration(report.seconds_left)
        note(f"update {report.step:,} of {report.n_steps:,}: loss {report.loss:.3f}, {speed}, {left} left")

    return show


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@takes_training("largest_epochs")
def alone(
    space: str = SPACE,
    out: Path = typer.Option(..., "--out", help="The folder to make; the same command goes on with it."),
    from_: Path | None = FROM,
    n: int | None = typer.Option(None, "--n", min=1, help="So many archs: at random, or of --stratify."),
    stratify: Path | None = typer.Option(
        None, "--stratify", help="A table of labels: one arch from each of n parts in their order."
    ),
    repeats: int = typer.Option(1, "--repeats", min=1, help="Trainings of every arch, of seeds one after another."),
    on: str = typer.Option("held-out", "--on", help="held-out, or test for final figures alone."),
    keep_weights: bool = typer.Option(False, "--keep-weights", help="Keep the weights of every training."),
    *,
    training: Training,
    workers: str = WORKERS,
    json: bool = JSON_OPTION,
) -> None:
    """Train archs alone, by the trainer of the supernets, into a table of labels: the truth to rank supernets by.

    Examples
    --------
    blockprofile supernet alone --space moga_32 --data fashion/ --stratify labels.parquet --n 20 --out runs/truth
    blockprofile supernet rank runs/fashion --truth runs/truth/labels.parquet
    """
    import numpy as np

    from blockprofile.errors import OptionError
    from blockprofile.space import decode_all, load_space
    from blockprofile.supernet import TABLE_NAME, draw_distinct, stratified_archs, train_alone

    where = load_space(space, resolution=training.resolution)
    seed = training.recipe.seed
    if (from_ is None) == (n is None) or (stratify is not None and n is None):
        raise OptionError("give either --from FILE, or --n with or without --stratify")
    if from_ is not None:
        archs = read_distinct(from_, where)
    elif stratify is not None:
        archs = stratified_archs(stratify, where, int(n or 0), seed=seed)
    else:
        archs = draw_distinct(where, int(n or 0), seed=seed)
    result = train_alone(
        space, training, archs, out=out, repeats=repeats, on=on, keep_weights=keep_weights, workers=workers
    )
    rows = [
        {"arch": text, "seed": int(each), "top1_percent": float(value)}
        for text, each, value in zip(decode_all(where, result.archs), result.seeds, result.top1, strict=True)
    ]
    if json:
        print_json({"folder": str(result.folder), "on": on, "images": result.n_images, "trainings": rows})
        return
    print_table(rows, wrap=["arch"])
    mean, spread = float(result.top1.mean()), float(np.std(result.top1))
    tell(
        f"{len(rows)} trainings: mean {mean:.2f} %, {spread:.2g} between them ({result.n_images} {on} images); trained"
    )
    note(f"{result.n_new} trained now; wrote {out / TABLE_NAME}")


@takes_training("largest_epochs", "warmup", "skip_bad", "accelerator", "save_every_s")
def search(
    context: typer.Context,
    space: str = SPACE,
    device: str = typer.Option(..., "--device", help="A device, or a predictor folder, that is a sum over layers."),
    out: Path = typer.Option(..., "--out", help="The folder to make; the same command goes on with it."),
    algorithm: str = typer.Option("single-path", "--algorithm", help="single-path: Single-Path NAS."),
    lambda_: float | None = typer.Option(None, "--lambda", help="Weight of log(latency) in the loss."),
    target: float | None = typer.Option(None, "--target", help="Largest latency; lambda is looked for by bisection."),
    runs: int = typer.Option(6, "--runs", min=1, help="With --target: trainings at most."),
    warm: float = typer.Option(0.6, "--warm", help="Share of the updates without latency, parts dropped at random."),
    *,
    training: Training,
    json: bool = JSON_OPTION,
) -> None:
    """Search by one training: superkernels whose parts are kept or dropped by loss and latency alike.

    Examples
    --------
    blockprofile supernet search --space singlepath --data imagenet/ --device pixel1 --target 80 --out runs/sp
    """
    from blockprofile.errors import OptionError
    from blockprofile.supernet import ARCHS_NAME, PathAim, search_single_path

    if lambda_ is not None:
        refuse_idle(context, ("runs",), "--lambda is one training")
    if algorithm != "single-path":
        raise OptionError(f"--algorithm {algorithm!r} is unknown; choices: single-path")
    result = search_single_path(
        space, training, device=device, out=out,
        aim=PathAim(lambda_=lambda_, target=target, n_runs=runs, warm=warm),
        tell=lambda run: note(f"lambda {run.lambda_:.4g}: {run.cost:.4g}, {run.top1_percent:.1f} %: {run.arch}"),
    )  # fmt: skip
    rows = [
        {"lambda": run.lambda_, result.metric: run.cost, "top1_percent": run.top1_percent, "arch": run.arch,
         "chosen": run is result.chosen}
        for run in result.runs
    ]  # fmt: skip
    if json:
        print_json({"folder": str(result.folder), "metric": result.metric, "runs": rows})
        return
    print_table(rows, wrap=["arch"])
    note(
        f"{result.n_new} trainings now; accuracies are the superkernels'; archs stand in {out / ARCHS_NAME}, one a line"
    )


def read_distinct(file: Path, space: Space) -> Archs:
    """Read archs, one in each line of a file: distinct ones, in their order."""
    import numpy as np

    from blockprofile.errors import OptionError
    from blockprofile.space import read_arch_lines

    lines = read_arch_lines(space, file)
    if not lines:
        raise OptionError(f"{file} holds no arch")
    archs = np.stack(lines)
    _, first = np.unique(archs, axis=0, return_index=True)
    return archs[np.sort(first)]
