"""`blockprofile supernet train | evaluate | alone | rank | export | import | search`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import RESOLUTION, space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, tell
from blockprofile.cli.strict import refuse_idle
from blockprofile.cli.supernet_train import FROM, WORKERS, alone, read_distinct, search, train
from blockprofile.cli.training import SEED
from blockprofile.command import command_line

if TYPE_CHECKING:
    from blockprofile.space import Archs, Space

N_SHOWN = 10

group = typer.Typer(
    help="""A supernet of your own: from a space and images, without labels, to accuracies.

    Examples
    --------
    blockprofile supernet train --space moga_32 --data fashion/ --out runs/fashion
    blockprofile supernet evaluate runs/fashion --n 2000 --out labels.parquet
    """,
    no_args_is_help=True,
)

OTHER_DATA = typer.Option(None, "--data", help="Where the images are, if not where they were at the training.")
SUPERNET = typer.Argument(..., help="The folder of a supernet.", metavar="SUPERNET")


def register(app: typer.Typer) -> None:
    """Add the command group."""
    for command in (train, evaluate, alone, rank, export, import_, search):
        group.command(command.__name__.rstrip("_"))(command)
    app.add_typer(group, name="supernet")


def evaluate(
    context: typer.Context,
    supernet: Path = SUPERNET,
    n: str = typer.Option("1000", "--n", help="How many archs to draw, all distinct."),
    from_: Path | None = FROM,
    out: Path | None = typer.Option(None, "--out", help="The table to write (.parquet or .csv): labels of archs."),
    repeats: int = typer.Option(1, "--repeats", help="Judge every arch so often, with other images to recalibrate."),
    on: str = typer.Option("held-out", "--on", help="held-out, or test for final figures alone."),
    bn: str = typer.Option("reset", "--bn", help="reset: statistics recalibrated for the arch; batch: of each batch."),
    recalibration: int = typer.Option(2000, "--recalibration", help="Training images that recalibrate."),
    images: int | None = typer.Option(None, "--images", help="Judge on so many of the images alone."),
    seed: int = SEED,
    data: Path | None = OTHER_DATA,
    accelerator: str | None = typer.Option(None, "--accelerator", help="cpu or cuda. Default: as it was trained."),
    workers: str = WORKERS,
    threads: int | None = typer.Option(None, "--threads", min=1, help="Threads. Default: as it was trained."),
    json: bool = JSON_OPTION,
) -> None:
    """Judge archs with the weights of a supernet; every accuracy is kept, so a killed command goes on.

    Examples
    --------
    blockprofile supernet evaluate runs/fashion --n 2000 --out labels.parquet
    blockprofile predictor fit labels.parquet --space moga_32 --metric top1_percent --out .
    """
    from blockprofile.errors import check_choice
    from blockprofile.numbers import parse_count
    from blockprofile.space import decode
    from blockprofile.supernet import BN_MODES, JudgeOptions, evaluate_supernet, open_supernet, write_labels

    if from_ is not None:
        refuse_idle(context, ("n", "seed"), f"the archs stand in {from_}")
    way = check_choice("--bn", bn, BN_MODES)
    if way != "reset":
        refuse_idle(context, ("recalibration", "repeats"), f"--bn {bn} recalibrates nothing")
    found = open_supernet(supernet)
    recipe = found.recipe
    options = JudgeOptions(
        bn=way, recalibration=recalibration, images=images, accelerator=accelerator or recipe.accelerator,
        threads=threads or recipe.threads, workers=workers,
    )  # fmt: skip
    space = found.net.space
    count = parse_count(n)
    archs = count if from_ is None else read_distinct(from_, space)
    result = evaluate_supernet(supernet, archs, seed=seed, repeats=repeats, data=data, on=on, options=options)
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


def rank(
    supernet: Path = SUPERNET,
    truth: str = typer.Option(..., "--truth", help="A table of archs trained alone, or a predictor that lists archs."),
    column: str = typer.Option("top1_percent", "--column", help="The table's column of accuracies."),
    n: int | None = typer.Option(None, "--n", min=3, help="Take so many of the table's archs, drawn by --seed."),
    labels: list[int] = typer.Option(
        [], "--labels", help="Say what so many of the truth's labels are worth beside the supernet; repeatable."
    ),
    out: Path | None = typer.Option(None, "--out", help="A table to write: each arch's two accuracies."),
    bn: str = typer.Option("reset", "--bn", help="reset: statistics recalibrated for the arch; batch: of each batch."),
    images: int | None = typer.Option(None, "--images", help="Judge on so many of the held-out images alone."),
    seed: int = SEED,
    data: Path | None = OTHER_DATA,
    accelerator: str | None = typer.Option(None, "--accelerator", help="cpu or cuda. Default: as it was trained."),
    workers: str = WORKERS,
    json: bool = JSON_OPTION,
) -> None:
    """Rank a supernet: Kendall's tau against archs trained alone, between its ceiling and its floors.

    Examples
    --------
    blockprofile supernet rank runs/u --truth top1_percent:cifar10 --n 1000
    blockprofile supernet rank runs/u --truth top1_percent:cifar10 --n 1000 --labels 50 --labels 200
    """
    from blockprofile.errors import check_choice
    from blockprofile.supernet import BN_MODES, JudgeOptions, open_supernet, rank_supernet, write_labels

    found = open_supernet(supernet)
    recipe = found.recipe
    options = JudgeOptions(
        bn=check_choice("--bn", bn, BN_MODES), images=images, accelerator=accelerator or recipe.accelerator,
        threads=recipe.threads, workers=workers,
    )  # fmt: skip
    result = rank_supernet(supernet, truth, column=column, n=n, seed=seed, data=data, options=options, labels=labels)
    if out is not None:
        columns = {"supernet_percent": result.supernet, "truth_percent": result.truth}
        write_labels(out, found.net.space, result.archs, columns)
    rows, worth = [asdict(tau) for tau in result.taus], [asdict(row) for row in result.worth]
    if json:
        print_json({"supernet": str(supernet), "truth": truth, "n": len(result.archs), "taus": rows, "labels": worth})
        return
    print_table(rows)
    if worth:
        tell("archs without label, by the supernet, by one value for each choice fitted to n labels, and by both:")
        print_table(worth)
    first, floor = result.taus[0], result.taus[-3]
    if first.low < floor.tau:
        note(f"the supernet does not surely order archs better than their multiply-adds do ({floor.tau:.2f})")


def export(
    archs: list[str] = typer.Argument(..., help="Archs as text, or in any other form.", metavar="ARCH"),
    supernet: Path | None = typer.Option(None, "--supernet", help="Take the weights of this supernet."),
    space: str | None = space_option(None, "Without --supernet: the archs' space; weights are fresh."),
    resolution: int | None = RESOLUTION,
    out: Path = typer.Option(..., "--out", help="The folder to make; for several archs, one folder in it for each."),
    onnx: bool = typer.Option(True, "--onnx/--no-onnx", help="Write the ONNX file too."),
    data: Path | None = OTHER_DATA,
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


def import_(
    checkpoint: Path = typer.Argument(..., help="A published checkpoint of Once-for-All."),
    out: Path = typer.Option(..., "--out", help="The folder to make."),
    space: str | None = space_option(None, "Its space; left out, told by its tensors."),
    json: bool = JSON_OPTION,
) -> None:
    """Import a supernet of Once-for-All: tensors alone are read, checked by name and shape, kept as safetensors.

    Examples
    --------
    blockprofile supernet import ofa_mbv3_d234_e346_k357_w1.2 --out runs/ofa
    blockprofile supernet evaluate runs/ofa --data imagenet_part/ --n 100 --out labels.parquet
    """
    from blockprofile.supernet import import_supernet

    net, where = import_supernet(checkpoint, out=out, space=space)
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
