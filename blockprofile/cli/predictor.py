"""`blockprofile predictor fit | import`; evaluate stands in a file of its own."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.options import columns_of, space_option
from blockprofile.cli.output import JSON_OPTION, note, note_base, print_json, print_table, warn
from blockprofile.cli.predictor_evaluate import evaluate, named_figures, read_table

if TYPE_CHECKING:
    from blockprofile.predict import FitReport, Recipe

group = typer.Typer(
    help="""Predictors: fit to labelled archs, evaluate, import.

    Examples
    --------
    blockprofile predictor fit labels.csv --space moga --metric top1_percent --out predictors
    blockprofile predictor evaluate note10 times.csv --space ofa_mbv3 --out judged
    """,
    no_args_is_help=True,
)

_METRIC = typer.Option(
    [], "--metric", metavar="NAME[=COLUMN]", help="A metric, and its column where it has another name. May be repeated."
)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="predictor")


@group.command("fit")
def fit(
    table: Path = typer.Argument(..., help="Labelled archs (CSV, Parquet, JSON lines), or a recipe (YAML)."),
    space: str = space_option(""),
    metric: list[str] = _METRIC,
    out: Path = typer.Option(Path(), "--out", help="Folder that the predictor folders are written into."),
    seed: int | None = typer.Option(None, "--seed", min=0, help="Seed of the split, the weights and the batches [0]."),
    epochs: int | None = typer.Option(None, "--epochs", min=1, help="Passes over the rows [16]."),
    holdout: float | None = typer.Option(
        None, "--holdout", help="Share of archs that the predictor is judged on [0.1]."
    ),
    folds: int | None = typer.Option(
        None, "--folds", help="Networks fitted, each without one part of the archs; 0 for one, of no such part [5]."
    ),
    accelerator: str = typer.Option("cpu", "--accelerator", help="What trains: cpu or cuda."),
    threads: int | None = typer.Option(
        None, "--threads", min=1, help="Threads that train; left out, one for fewer than 20,000 rows, else all."
    ),
    direction: str | None = typer.Option(
        None, "--direction", help="max or min: what is wanted of a metric whose name does not say it."
    ),
    json: bool = JSON_OPTION,
) -> None:
    """Fit a predictor to labelled archs: split, train, judge, write a folder that every command accepts.

    Examples
    --------
    blockprofile predictor fit my_phone.csv --space moga --metric latency_ms:phone=median_ms --out predictors
    """
    from blockprofile.accelerator import require_accelerator
    from blockprofile.files import make_folder
    from blockprofile.predict import doubt_labels, find_table, fit_recipe
    from blockprofile.space import load_space

    require_accelerator(accelerator)
    recipe = _recipe(table, space, metric)
    recipe = recipe.changed(seed=seed, epochs=epochs)
    recipe = recipe if holdout is None else replace(recipe, holdout=holdout)
    recipe = recipe if folds is None else replace(recipe, folds=folds)
    recipe = recipe if direction is None else recipe.directed(direction)
    make_folder(out)
    where = load_space(recipe.space)
    note_base(where, "a predictor is fitted to all rows and covers the whole of")
    labels = read_table(find_table(recipe, table) if _is_recipe(table) else table, where)
    for name, entry in recipe.metrics.items():
        warning = doubt_labels(name, labels.label(entry.get("column", name)), where, labels.archs)
        if warning:
            warn(f"warning: {warning}")
        if recipe.direction(name) is None:
            note(
                f"whether more or less of {name!r} is better is not known: its best 1 % are not judged; see --direction"
            )
    reports = fit_recipe(labels, where, recipe, out=out, accelerator=accelerator, threads=threads, progress=_show_epoch)
    for report in reports:
        for told in filter(None, (report.repeats, report.choice.why)):
            note(f"{report.metric}: {told}")
    rows = [_row(report) for report in reports]
    if json:
        print_json(rows)
    else:
        print_table(rows, wrap=["folder"])


group.command("evaluate")(evaluate)


@group.command("import")
def import_checkpoint(
    checkpoint: Path = typer.Argument(..., help="A published Once-for-All accuracy predictor (.pth)."),
    out: Path = typer.Option(..., "--out", help="The predictor folder to write."),
    name: str = typer.Option("ofa", "--name", help="The metric becomes top1_percent:NAME."),
    json: bool = JSON_OPTION,
) -> None:
    """Import a published accuracy predictor; tensors alone are read, and stored as safetensors.

    Examples
    --------
    blockprofile predictor import acc_predictor.pth --out my_ofa
    """
    from blockprofile.predict import import_predictor

    card = import_predictor(checkpoint, out=out, name=name)
    row = {
        "metric": card["metric"],
        "spaces": ", ".join(card["spaces"]),
        "resolutions": card["resolutions"],
        "folder": str(out),
    }
    if json:
        print_json(row)
    else:
        print_table([row | {"resolutions": " ".join(map(str, card["resolutions"]))}], wrap=["folder"])


def _is_recipe(table: Path) -> bool:
    return table.suffix.lower() in {".yaml", ".yml"}


def _recipe(table: Path, space: str, metrics: list[str]) -> Recipe:
    from blockprofile.errors import OptionError
    from blockprofile.predict import Recipe, read_recipe

    if _is_recipe(table):
        if space or metrics:
            raise OptionError(f"{table} is a recipe, which names its space and metrics; leave out --space and --metric")
        return read_recipe(table)
    if not space or not metrics:
        raise OptionError(
            "a table needs --space and at least one --metric, such as --metric latency_ms:phone=my_column"
        )
    named = {name: {"column": column} for name, column in columns_of(metrics).items()}
    return Recipe(schema="blockprofile.recipe/1", table=table.name, space=space, metrics=named)


def _show_epoch(epoch: int, epochs: int, loss: float) -> None:
    if epoch == epochs or epoch % max(1, epochs // 20) == 0:
        note(f"epoch {epoch} of {epochs}: loss {loss:.4g}")


def _row(report: FitReport) -> dict[str, Any]:
    figures = named_figures(asdict(report.fidelity) | ({"label_spread": report.spread} if report.repeats else {}))
    fit = {"fit": "additive" if report.choice.is_additive else "network"}
    return {"metric": report.metric, "trained on": report.n_train, **fit, **figures, "folder": str(report.folder)}
