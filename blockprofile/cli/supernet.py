"""`blockprofile supernet train | evaluate | alone | rank | export | import | search`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell
from blockprofile.command import command_line, typed_command

if TYPE_CHECKING:
    from blockprofile.space import Archs, Space
    from blockprofile.supernet import Report

__all__ = ["export_archs", "register"]

TELL_SECONDS = 10.0
N_SHOWN = 10

group = typer.Typer(
    help="A supernet of your own: from a space and images, without labels, to accuracies.", no_args_is_help=True
)

_SPACE = typer.Option(..., "--space", help="A shipped space, or the path of a YAML file.")
_DATA = typer.Option(
    ..., "--data", help="Images: a folder with train/CLASS/, idx files (MNIST's format), .npz, or Parquet."
)
_OTHER_DATA = typer.Option(None, "--data", help="Where the images are, if not where they were at the training.")
_SUPERNET = typer.Argument(..., help="The folder of a supernet.", metavar="SUPERNET")
_FROM = typer.Option(None, "--from", help="A file with an arch in each line, in any of their forms; - is stdin.")
_SEED = typer.Option(0, "--seed", min=0, help="Seed; one seed gives one result.")
_PROVIDER = typer.Option("cpu", "--provider", help="cpu, or cuda (bfloat16, channels last).")
_THREADS = typer.Option(1, "--threads", min=1, help="Threads of torch on the CPU; they belong to the result.")
_EPOCHS = typer.Option(30.0, "--epochs", help="Passes over the training images; a part of one is understood.")
_BATCH = typer.Option(128, "--batch", help="Images of an update.")
_LR = typer.Option(None, "--lr", help="Largest learning rate. Default: 0.1 for a batch of 256, in proportion.")
_DECAY = typer.Option(4e-5, "--weight-decay", help="Of weights; batch normalisations and biases have none.")
_WARMUP = typer.Option(0.05, "--warmup", help="Share of the updates in which the learning rate rises.")
_SMOOTHING = typer.Option(0.1, "--smoothing", help="Label smoothing.")
_CLIP = typer.Option(5.0, "--clip", help="Largest norm of the gradient; 0 for none.")
_PAD = typer.Option(None, "--pad", help="Pixels by which images are shifted at random, at most. Default: size / 8.")
_FLIP = typer.Option(True, "--flip/--no-flip", help="Mirror every other image.")
_HOLDOUT = typer.Option(0.1, "--holdout", help="Share of every class's training images that archs are judged on.")
_LIMIT = typer.Option(None, "--limit", min=4, help="Use so many of the training images alone.")
_SKIP_BAD = typer.Option(False, "--skip-bad", help="Leave images out that cannot be read; they are named and counted.")
_RESOLUTION = typer.Option(None, "--resolution", help="Input resolution in pixels, of those the space has.")
_SAVE = typer.Option(120.0, "--save-every", help="Seconds of work that a kill can cost, about.")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="supernet")


@group.command("train")
def train(
    space: str = _SPACE,
    data: Path = _DATA,
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
    largest_epochs: float = typer.Option(
        0.0, "--largest-epochs", help="Passes at the start for the largest arch alone; nested channels are then sorted."
    ),
    epochs: float = _EPOCHS,
    batch: int = _BATCH,
    lr: float | None = _LR,
    weight_decay: float = _DECAY,
    warmup: float = _WARMUP,
    smoothing: float = _SMOOTHING,
    clip: float = _CLIP,
    pad: int | None = _PAD,
    flip: bool = _FLIP,
    holdout: float = _HOLDOUT,
    limit: int | None = _LIMIT,
    skip_bad: bool = _SKIP_BAD,
    resolution: int | None = _RESOLUTION,
    seed: int = _SEED,
    provider: str = _PROVIDER,
    threads: int = _THREADS,
    save_every: float = _SAVE,
    json: bool = JSON_OPTION,
) -> None:
    """Train one set of weights for all archs of a space; killed, the same command goes on.

    Examples
    --------
      blockprofile supernet train --space moga_32 --data /usr/share/datasets/fashion-mnist --out runs/fashion

      blockprofile supernet train --space nas_bench_macro --data cifar10/ --sampler uniform --provider cuda --out runs/u
    """
    from blockprofile.supernet import Recipe, tell_worth, train_supernet

    recipe = Recipe(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, warmup=warmup, smoothing=smoothing, clip=clip,
        pad=pad, flip=flip, largest_epochs=largest_epochs, seed=seed, device=provider, threads=threads,
    )  # fmt: skip
    trained = train_supernet(
        space, data, out=out, sampler=sampler, sharing=sharing, transform=transform, paths=paths, holdout=holdout,
        limit=limit, skip_bad=skip_bad, resolution=resolution, recipe=recipe, save_every_s=save_every,
        command=typed_command(), tell=_teller(), remark=note,
    )  # fmt: skip
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


def _teller(head: str = "") -> Callable[..., None]:
    """Make what shows progress: a line every ten seconds, the first one after the first update.

    ``head`` stands before each, with a place for the number that is given with the report.
    """
    last = [-TELL_SECONDS]

    def show(report: Report, number: int = 0) -> None:
        now = time.monotonic()
        if now - last[0] < TELL_SECONDS and report.step < report.n_steps:
            return
        last[0] = now
        speed, left = f"{report.images_per_s:,.0f} images/s", _duration(report.seconds_left)
        place = f"{head.format(number)}update {report.step:,} of {report.n_steps:,}"
        note(f"{place}: loss {report.loss:.3f}, {speed}, {left} left")

    return show


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


@group.command("evaluate")
def evaluate(
    supernet: Path = _SUPERNET,
    n: str = typer.Option("1000", "--n", help="How many archs to draw, all distinct."),
    from_: Path | None = _FROM,
    out: Path | None = typer.Option(None, "--out", help="The table to write (.parquet or .csv): labels of archs."),
    repeats: int = typer.Option(1, "--repeats", help="Judge every arch so often, with other images to recalibrate."),
    on: str = typer.Option("held-out", "--on", help="held-out, or test for final figures alone."),
    bn: str = typer.Option("reset", "--bn", help="reset: statistics recalibrated for the arch; batch: of each batch."),
    recalibration: int = typer.Option(2000, "--recalibration", help="Training images that recalibrate."),
    images: int | None = typer.Option(None, "--images", help="Judge on so many of the images alone."),
    seed: int = _SEED,
    data: Path | None = _OTHER_DATA,
    provider: str | None = typer.Option(None, "--provider", help="cpu or cuda. Default: as it was trained."),
    threads: int | None = typer.Option(None, "--threads", min=1, help="Threads. Default: as it was trained."),
    json: bool = JSON_OPTION,
) -> None:
    """Judge archs with the weights of a supernet; every accuracy is kept, so a killed command goes on.

    Examples
    --------
      blockprofile supernet evaluate runs/fashion --n 2000 --out labels.parquet

      blockprofile predictor fit labels.parquet --space moga_32 --metric top1_percent --out .
    """
    from blockprofile.numbers import parse_count
    from blockprofile.run import show_progress
    from blockprofile.space import decode
    from blockprofile.supernet import JudgeOptions, check_bn, evaluate_supernet, open_supernet, write_labels

    found = open_supernet(supernet)
    recipe = found.recipe
    options = JudgeOptions(
        bn=check_bn(bn), recalibration=recalibration, images=images, device=provider or recipe.device,
        threads=threads or recipe.threads,
    )  # fmt: skip
    space = found.net.space
    count = parse_count(n)
    archs = None
    if from_ is not None:
        archs = _read_archs(from_, space)
        count = len(archs)
    with show_progress("judge", count) as advance:
        result = evaluate_supernet(
            supernet, archs=archs, n=count, seed=seed, repeats=repeats, data=data, on=on, options=options,
            advance=advance,
        )  # fmt: skip
    if out is not None:
        write_labels(out, space, result.archs, {"top1_percent": result.top1, "sd_percent": result.sd})
    best = result.top1.argsort()[::-1]
    rows = [
        {"arch": decode(space, result.archs[place]), "top1_percent": float(result.top1[place]),
         "sd_percent": float(result.sd[place])}
        for place in (best if json else best[:N_SHOWN])
    ]  # fmt: skip
    about = {
        "supernet": str(supernet), "n": len(result.archs), "n_new": result.n_new, "on": on, "images": result.n_images,
        "mean": float(result.top1.mean()), "sd_between_archs": float(result.top1.std(ddof=min(1, len(rows) - 1))),
        "recalibration_sd": result.recalibration_sd, "out": None if out is None else str(out),
    }  # fmt: skip
    if json:
        print_json({**about, "archs": rows})
        return
    print_table(rows, wrap=["arch"])
    spread = f"{about['sd_between_archs']:.2g} between archs, ±{float(result.sd.mean()):.2g} of one arch by chance"
    tell(f"{about['n']} archs: mean {about['mean']:.2f} %, {spread} ({result.n_images} {on} images); shared weights")
    if out is not None:
        following = command_line("predictor fit", [out], space=found.config["space"]["source"], metric="top1_percent")
        note(f"wrote {out}; next: {following}")


@group.command("alone")
def alone(
    space: str = _SPACE,
    data: Path = _DATA,
    out: Path = typer.Option(..., "--out", help="The folder to make; the same command goes on with it."),
    from_: Path | None = _FROM,
    n: int | None = typer.Option(None, "--n", min=1, help="So many archs: at random, or of --stratify."),
    stratify: Path | None = typer.Option(
        None, "--stratify", help="A table of labels: one arch from each of n parts in their order."
    ),
    repeats: int = typer.Option(1, "--repeats", min=1, help="Trainings of every arch, of seeds one after another."),
    on: str = typer.Option("held-out", "--on", help="held-out, or test for final figures alone."),
    keep_weights: bool = typer.Option(False, "--keep-weights", help="Keep the weights of every training."),
    epochs: float = _EPOCHS,
    batch: int = _BATCH,
    lr: float | None = _LR,
    weight_decay: float = _DECAY,
    warmup: float = _WARMUP,
    smoothing: float = _SMOOTHING,
    clip: float = _CLIP,
    pad: int | None = _PAD,
    flip: bool = _FLIP,
    holdout: float = _HOLDOUT,
    limit: int | None = _LIMIT,
    skip_bad: bool = _SKIP_BAD,
    resolution: int | None = _RESOLUTION,
    seed: int = _SEED,
    provider: str = _PROVIDER,
    threads: int = _THREADS,
    save_every: float = _SAVE,
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
    from blockprofile.space import load_space
    from blockprofile.supernet import TABLE_NAME, Recipe, draw_distinct, stratified_archs, train_alone

    where = load_space(space, resolution=resolution)
    if (from_ is None) == (n is None) or (stratify is not None and n is None):
        raise OptionError("give either --from FILE, or --n with or without --stratify")
    if from_ is not None:
        archs = _read_archs(from_, where)
    elif stratify is not None:
        archs = stratified_archs(stratify, where, int(n or 0), seed=seed)
    else:
        archs = draw_distinct(where, int(n or 0), seed=seed)
    recipe = Recipe(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, warmup=warmup, smoothing=smoothing, clip=clip,
        pad=pad, flip=flip, seed=seed, device=provider, threads=threads,
    )  # fmt: skip
    show = _teller(f"training {{}} of {len(archs) * repeats}, ")
    result = train_alone(
        space, data, archs, out=out, repeats=repeats, recipe=recipe, on=on, holdout=holdout, limit=limit,
        skip_bad=skip_bad, resolution=resolution, keep_weights=keep_weights, save_every_s=save_every,
        command=typed_command(), tell=lambda done, report: show(report, done + 1),
    )  # fmt: skip
    rows = [
        {"arch": text, "seed": int(each), "top1_percent": float(value)}
        for text, each, value in zip(_texts(where, result.archs), result.seeds, result.top1, strict=True)
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


@group.command("rank")
def rank(
    supernet: Path = _SUPERNET,
    truth: str = typer.Option(..., "--truth", help="A table of archs trained alone, or a predictor that lists archs."),
    column: str = typer.Option("top1_percent", "--column", help="The table's column of accuracies."),
    n: int | None = typer.Option(None, "--n", min=3, help="Take so many of the table's archs, drawn by --seed."),
    out: Path | None = typer.Option(None, "--out", help="A table to write: each arch's two accuracies."),
    bn: str = typer.Option("reset", "--bn", help="reset: statistics recalibrated for the arch; batch: of each batch."),
    images: int | None = typer.Option(None, "--images", help="Judge on so many of the held-out images alone."),
    seed: int = _SEED,
    data: Path | None = _OTHER_DATA,
    provider: str | None = typer.Option(None, "--provider", help="cpu or cuda. Default: as it was trained."),
    json: bool = JSON_OPTION,
) -> None:
    """Rank a supernet: Kendall's tau against archs trained alone, between its ceiling and its floors.

    Examples
    --------
      blockprofile supernet rank runs/u --truth top1_percent:cifar10 --n 1000
    """
    from blockprofile.run import show_progress
    from blockprofile.supernet import JudgeOptions, check_bn, open_supernet, rank_supernet, write_labels

    found = open_supernet(supernet)
    recipe = found.recipe
    options = JudgeOptions(bn=check_bn(bn), images=images, device=provider or recipe.device, threads=recipe.threads)
    with show_progress("judge", n or 0) as advance:
        result = rank_supernet(
            supernet, truth, column=column, n=n, seed=seed, data=data, options=options, advance=advance
        )
    if out is not None:
        columns = {"supernet_percent": result.supernet, "truth_percent": result.truth}
        write_labels(out, found.net.space, result.archs, columns)
    rows = [asdict(tau) for tau in result.taus]
    if json:
        print_json({"supernet": str(supernet), "truth": truth, "n": len(result.archs), "taus": rows})
        return
    print_table(rows)
    first, floor = result.taus[0], result.taus[-3]
    if first.low < floor.tau:
        note(f"the supernet does not surely order archs better than their multiply-adds do ({floor.tau:.2f})")


@group.command("export")
def export(
    archs: list[str] = typer.Argument(..., help="Archs as text, or in any other form.", metavar="ARCH"),
    supernet: Path | None = typer.Option(None, "--supernet", help="Take the weights of this supernet."),
    space: str | None = typer.Option(None, "--space", help="Without --supernet: the archs' space; weights are fresh."),
    resolution: int | None = _RESOLUTION,
    out: Path = typer.Option(..., "--out", help="The folder to make; for several archs, one folder in it for each."),
    onnx: bool = typer.Option(True, "--onnx/--no-onnx", help="Write the ONNX file too."),
    data: Path | None = _OTHER_DATA,
    json: bool = JSON_OPTION,
) -> None:
    """Export archs: a torch state dict (safetensors) with its YAML, and ONNX.

    Examples
    --------
      blockprofile supernet export "e3k3 e6k5 | ..." --supernet runs/fashion --out net

      blockprofile supernet export MoGA-A --space moga --out moga_a
    """
    from blockprofile.errors import OptionError
    from blockprofile.space import load_space, read_arch
    from blockprofile.supernet import open_supernet

    if (supernet is None) == (space is None):
        raise OptionError("give either --supernet FOLDER or, for fresh weights, --space SPACE")
    if supernet is not None and resolution is not None:
        raise OptionError("--resolution has no effect with --supernet, which has its own; leave it out")
    if supernet is None and data is not None:
        raise OptionError("--data has no effect without --supernet; leave it out")
    where = load_space(str(space), resolution=resolution) if supernet is None else open_supernet(supernet).net.space
    rows = export_archs(where, [read_arch(where, text) for text in archs], out, supernet=supernet, onnx=onnx, data=data)
    if json:
        print_json(rows)
        return
    print_table([{key: row[key] for key in ("folder", "arch", "macs_m", "params_m")} for row in rows], wrap=["arch"])
    note(f"weights: {rows[0]['made_from']}")


def export_archs(
    space: Space, archs: Sequence[Archs], out: Path, *, supernet: Path | None, onnx: bool, data: Path | None = None
) -> list[dict[str, Any]]:
    """Export archs, into ``out`` if it is one and into numbered folders of it if they are several."""
    from blockprofile.supernet import export_arch, export_from_supernet

    rows = []
    for number, arch in enumerate(archs, start=1):
        folder = out if len(archs) == 1 else out / str(number)
        if supernet is None:
            about = export_arch(space, arch, None, out=folder, with_onnx=onnx)
        else:
            about = export_from_supernet(supernet, arch, out=folder, data=data, with_onnx=onnx)
        rows.append({"folder": str(folder), **about})
    return rows


@group.command("import")
def import_(
    checkpoint: Path = typer.Argument(..., help="A published checkpoint of Once-for-All."),
    out: Path = typer.Option(..., "--out", help="The folder to make."),
    space: str | None = typer.Option(None, "--space", help="Its space; left out, told by its tensors."),
    json: bool = JSON_OPTION,
) -> None:
    """Import a supernet of Once-for-All: tensors alone are read, checked by name and shape, kept as safetensors.

    Examples
    --------
      blockprofile supernet import ofa_mbv3_d234_e346_k357_w1.2 --out runs/ofa

      blockprofile supernet evaluate runs/ofa --data imagenet_part/ --n 100 --out labels.parquet
    """
    from blockprofile.supernet import import_supernet

    net, where = import_supernet(checkpoint, out=out, space=space, command=typed_command())
    row = {
        "space": where.name,
        "params_m": sum(value.numel() for value in net.module.parameters()) / 1e6,
        "out": str(out),
    }
    if json:
        print_json(row)
        return
    print_table([row], wrap=["out"])
    note("names and shapes were checked; accuracies need images: supernet evaluate --data")


@group.command("search")
def search(
    space: str = _SPACE,
    data: Path = _DATA,
    device: str = typer.Option(..., "--device", help="A device, or a predictor folder, that is a sum over layers."),
    out: Path = typer.Option(..., "--out", help="The folder to make; the same command goes on with it."),
    algorithm: str = typer.Option("single-path", "--algorithm", help="single-path: Single-Path NAS."),
    lambda_: float | None = typer.Option(None, "--lambda", help="Weight of log(latency) in the loss."),
    target: float | None = typer.Option(None, "--target", help="Largest latency; lambda is looked for by bisection."),
    runs: int = typer.Option(6, "--runs", min=1, help="With --target: trainings at most."),
    warm: float = typer.Option(0.6, "--warm", help="Share of the updates without latency, parts dropped at random."),
    epochs: float = _EPOCHS,
    batch: int = _BATCH,
    lr: float | None = _LR,
    weight_decay: float = _DECAY,
    smoothing: float = _SMOOTHING,
    clip: float = _CLIP,
    pad: int | None = _PAD,
    flip: bool = _FLIP,
    holdout: float = _HOLDOUT,
    limit: int | None = _LIMIT,
    resolution: int | None = _RESOLUTION,
    seed: int = _SEED,
    threads: int = _THREADS,
    json: bool = JSON_OPTION,
) -> None:
    """Search by one training: superkernels whose parts are kept or dropped by loss and latency alike.

    Examples
    --------
      blockprofile supernet search --space singlepath --data imagenet/ --device pixel1 --target 80 --out runs/sp
    """
    from blockprofile.errors import OptionError
    from blockprofile.supernet import ARCHS_NAME, Recipe, search_single_path

    if algorithm != "single-path":
        raise OptionError(f"--algorithm {algorithm!r} is unknown; choices: single-path")
    recipe = Recipe(
        epochs=epochs, batch=batch, lr=lr, weight_decay=weight_decay, smoothing=smoothing, clip=clip, pad=pad,
        flip=flip, seed=seed, threads=threads,
    )  # fmt: skip
    result = search_single_path(
        space, data, device=device, out=out, lambda_=lambda_, target=target, n_runs=runs, warm=warm, recipe=recipe,
        holdout=holdout, limit=limit, resolution=resolution, command=typed_command(),
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


def _texts(space: Space, archs: Archs) -> list[str]:
    from blockprofile.space import decode

    return [decode(space, arch) for arch in archs]


def _read_archs(file: Path, space: Space) -> Archs:
    """Read archs, one in each line of a file: distinct ones, in their order."""
    import numpy as np

    from blockprofile.cli.arch import read_lines
    from blockprofile.errors import OptionError

    lines = read_lines(file, space)
    if not lines:
        raise OptionError(f"{file} holds no arch")
    archs = np.stack(lines)
    _, first = np.unique(archs, axis=0, return_index=True)
    return archs[np.sort(first)]
