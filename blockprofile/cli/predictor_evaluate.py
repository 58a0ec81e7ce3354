"""`blockprofile predictor evaluate`: any predictor on any labelled archs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import space_option
from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table, warn
from blockprofile.cli.strict import refuse_idle

if TYPE_CHECKING:
    from blockprofile.predict import Card, Entry, Evaluation, LabelTable
    from blockprofile.space import Space


def evaluate(
    context: typer.Context,
    predictor: str = typer.Argument(..., help="A device, a metric, or the path of a predictor folder."),
    table: Path = typer.Argument(..., help="Labelled archs: CSV, Parquet or JSON lines."),
    space: str = space_option(),
    column: str = typer.Option("", "--column", help="The column of labels; left out, the metric's name."),
    resolution: int = typer.Option(0, "--resolution", min=0, help="All rows hold at this input resolution."),
    holdout: float = typer.Option(
        0.0, "--holdout", help="Use only the archs that `predictor fit` held out at this share."
    ),
    seed: int = typer.Option(0, "--seed", min=0, help="The seed of that split."),
    law: str = typer.Option(
        "unknown",
        "--law",
        help="What drew the rows: papers, or halves (half of them a law of their own each); for each law's error.",
    ),
    out: Path | None = typer.Option(None, "--out", help="Folder for scatter.png, scatter.svg and residuals.csv."),
    json: bool = JSON_OPTION,
) -> None:
    """Judge a predictor on labelled archs: figures, a scatter picture, errors by unit, layer and block.

    Examples
    --------
    blockprofile predictor evaluate note10 times.csv --space ofa_mbv3 --out judged
    """
    from blockprofile.errors import check_choice
    from blockprofile.files import make_folder
    from blockprofile.predict import (
        TABLE_LAWS,
        doubt_labels,
        errors_by_law,
        evaluate_predictor,
        list_residuals,
        split_archs,
    )
    from blockprofile.space import load_space

    if out is not None:
        make_folder(out)
    if not holdout:
        refuse_idle(context, ("seed",), "it is the split's, and no --holdout is asked for")
    where = load_space(space, resolution=resolution or None)
    entry = _find(predictor, where)
    labels = _within(read_table(table, where), where)
    if resolution and labels.resolutions is not None and (labels.resolutions != resolution).any():
        note(f"the resolutions in {table} are not heeded: by --resolution all rows hold at {resolution}")
    labels = replace(labels, resolutions=None) if resolution else labels
    rows = split_archs(labels.archs, holdout=holdout, seed=seed)[1] if holdout else None
    warning = doubt_labels(entry[0].metric, labels.label(column or entry[0].metric), where, labels.archs)
    if warning:
        warn(f"warning: {warning}")
    found = evaluate_predictor(entry, where, labels, column=column or entry[0].metric, rows=rows)
    if rows is None:
        _note_known(entry, where, found)
    if found.repeats:
        note(found.repeats)
    figures = asdict(found.fidelity) | ({"label_spread": found.spread} if found.repeats else {})
    residuals = list_residuals(where, found)
    errors = found.predictions - found.labels
    laws = errors_by_law(where, found.archs, errors, law=check_choice("law of a table", law, TABLE_LAWS))
    if out is not None:
        _write_evaluation(out, entry[0], found, residuals)
    if json:
        print_json(
            {"predictor": entry[0].name, "metric": entry[0].metric, **figures, "by_law": laws, "residuals": residuals}
        )
        return
    print_table([{"metric": entry[0].metric, "provenance": entry[0].provenance, **named_figures(figures)}])
    if laws:
        rows_of = [
            {"law": name, "worth": round(each["n"]), "MAE": each["mae"], "RMSE": each["rmse"]}
            for name, each in laws.items()
        ]
        print_table(rows_of, title="under each law that drew the rows")
    worst = sorted((record for record in residuals if record["n"]), key=lambda record: -abs(record["bias"]))[:8]
    print_table(worst, title="largest mean errors by block")


def read_table(path: Path, space: Space) -> LabelTable:
    """Read a labelled table, and say which of its columns are not understood."""
    from blockprofile.predict import read_labels

    table = read_labels(path, space)
    for name, why in table.unread.items():
        warn(f"warning: column {name!r} of {path} is not read: {why}")
    return table


def _note_known(entry: Entry, space: Space, found: Evaluation) -> None:
    """Say how many of the archs judged by the predictor has learnt from, where its folder tells."""
    from blockprofile.predict import RESIDUALS_NAME, count_shared, read_residuals

    path = entry[1] / RESIDUALS_NAME
    shared = count_shared(found.archs, read_residuals(path, space).archs) if path.is_file() else 0
    if shared:
        note(
            f"{shared} of these {len(found.archs)} archs are in the table that {entry[0].name} was fitted to: the "
            "figures flatter it; its card has those of archs held out, and --holdout judges by them again"
        )


def _within(table: LabelTable, space: Space) -> LabelTable:
    """Leave out what a pruned space has not, and say how much that is."""
    import numpy as np

    from blockprofile.errors import DataError

    held = np.flatnonzero(space.contains(table.archs))
    if len(held) == len(table.archs):
        return table
    told = f"{len(table.archs) - len(held)} of {len(table.archs)} rows of {table.path} are of archs that"
    if not len(held):
        raise DataError(f"{told} space {space.name!r} has not; no row is left to judge by")
    note(f"{told} space {space.name!r} has not, and are left out")
    return table.take(held)


def _find(predictor: str, space: Space) -> Entry:
    from blockprofile.errors import UnknownNameError
    from blockprofile.predict import CARD_NAME, find_device, find_metric, list_devices

    if not (Path(predictor) / CARD_NAME).is_file() and predictor in list_devices():
        return find_device(predictor, space)
    try:
        return find_metric(predictor, space)
    except UnknownNameError as failure:
        raise UnknownNameError(f"{failure}; devices: {', '.join(sorted(list_devices()))}") from None


def _write_evaluation(out: Path, card: Card, found: Evaluation, residuals: list[dict[str, Any]]) -> None:
    import matplotlib.pyplot as plt
    import pandas as pd

    from blockprofile.files import write_text
    from blockprofile.plot import draw_fidelity, figure_style, metric_label, save_figure

    write_text(out / "residuals.csv", pd.DataFrame(residuals).to_csv(index=False))
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(8.5, 4.2))
        draw_fidelity(found.labels, found.predictions, axes, metric=metric_label(card.metric, card.unit))
        figure.suptitle(f"{card.name} ({card.provenance}): {found.fidelity.n:,} archs, R2 {found.fidelity.r2:.3f}")
        pictures = save_figure(figure, out / "scatter")
    note(f"wrote {', '.join(map(str, pictures))} and {out / 'residuals.csv'}")


def named_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """Name the figures for readers; R2 and tau as text, since their last digits are what differs."""
    from blockprofile.predict import tau_ends

    low, high = tau_ends(figures["kendall_tau"], figures["n"])
    return {
        "n": figures["n"], "R2": f"{figures['r2']:.5f}", "MAE": figures["mae"], "RMSE": figures["rmse"],
        "Kendall tau": f"{figures['kendall_tau']:.4f}", "95 % interval": f"{low:.4f} to {high:.4f}",
        "MAE of the best 1 %": figures["best_percentile_mae"],
        **({"spread of repeats": figures["label_spread"]} if "label_spread" in figures else {}),
    }  # fmt: skip
