"""`blockprofile predictor fit | evaluate | import`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, print_table

if TYPE_CHECKING:
    from blockprofile.predict.fit import FitReport
    from blockprofile.predict.recipe import Recipe

__all__ = ["register"]

group = typer.Typer(help="Predictors: fit to labelled archs, evaluate, import.", no_args_is_help=True)

_METRIC = typer.Option(
    [], "--metric", metavar="NAME[=COLUMN]", help="A metric, and its column where it has another name. May be repeated."
)


def register(app: typer.Typer) -> None:
    """Add the command group."""
    app.add_typer(group, name="predictor")


@group.command("fit")
def fit(
    table: Path = typer.Argument(..., help="CSV or Parquet table of labelled archs, or a recipe (YAML)."),
    space: str = typer.Option("", "--space", help="A shipped space, or the path of a YAML file."),
    metric: list[str] = _METRIC,
    out: Path = typer.Option(Path(), "--out", help="Folder that the predictor folders are written into."),
    seed: int = typer.Option(0, "--seed", min=0, help="Seed of the split, the initial weights and the batches."),
    epochs: int = typer.Option(0, "--epochs", min=0, help="Passes over the rows; 0 leaves it to the recipe."),
    holdout: float = typer.Option(0.1, "--holdout", help="Share of the rows that the predictor is judged on."),
    json: bool = JSON_OPTION,
) -> None:
    """Fit a predictor to labelled archs: split, train, judge, write a folder that every command accepts."""
    from blockprofile.predict.fit import fit_predictors, warn_of_scale
    from blockprofile.predict.labels import read_labels
    from blockprofile.space import load_space

    recipe = _recipe(table, space, metric, seed=seed, holdout=holdout)
    if epochs:
        recipe = replace(recipe, options=replace(recipe.options, epochs=epochs))
    where = load_space(recipe.space)
    labels = read_labels(table.parent / recipe.table, where)
    for name, entry in recipe.metrics.items():
        warning = warn_of_scale(name, labels.label(entry.get("column", name)))
        if warning:
            note(f"warning: {warning}")
    reports = fit_predictors(labels, where, recipe, out=out, progress=_show_epoch)
    rows = [_row(report) for report in reports]
    if json:
        print_json(rows)
    else:
        print_table(rows, wrap=["folder"])


def _recipe(table: Path, space: str, metrics: list[str], *, seed: int, holdout: float) -> Recipe:
    from blockprofile.errors import OptionError
    from blockprofile.predict.recipe import Recipe, read_recipe
    from blockprofile.predict.training import TrainingOptions

    if table.suffix.lower() in {".yaml", ".yml"}:
        if space or metrics:
            raise OptionError(f"{table} is a recipe, which names its space and metrics; leave out --space and --metric")
        return read_recipe(table)
    if not space or not metrics:
        raise OptionError(
            "a table needs --space and at least one --metric, such as --metric latency_ms:phone=my_column"
        )
    named = {name: {"column": column or name} for name, _, column in (word.partition("=") for word in metrics)}
    return Recipe(
        schema="blockprofile.recipe/1", table=table.name, space=space, metrics=named, holdout=holdout,
        options=TrainingOptions(seed=seed),
    )  # fmt: skip


def _show_epoch(epoch: int, epochs: int, loss: float) -> None:
    if epoch == epochs or epoch % max(1, epochs // 20) == 0:
        note(f"epoch {epoch} of {epochs}: loss {loss:.4g}")


def _row(report: FitReport) -> dict[str, Any]:
    figures = asdict(report.fidelity)
    return {
        "metric": report.metric, "rows": report.n_train, "held out": figures["n"], "R2": figures["r2"],
        "MAE": figures["mae"], "RMSE": figures["rmse"], "Kendall tau": figures["kendall_tau"],
        "MAE of the best 1 %": figures["best_percentile_mae"], "folder": str(report.folder),
    }  # fmt: skip
