"""Fitting predictors to a user's labelled table: split, train, judge on the archs held out, write folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from blockprofile.accelerator import require_accelerator
from blockprofile.errors import DataError
from blockprofile.files import make_folder
from blockprofile.folderlock import lock_folder
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.card import TABLE_NAME
from blockprofile.predict.crossfit import RESIDUALS_NAME, collect_residuals, write_residuals
from blockprofile.predict.fit_card import FitReport, folder_name, write_fit_card
from blockprofile.predict.fit_task import Fit
from blockprofile.predict.folder import replacing_predictor
from blockprofile.predict.judge import judged_fields
from blockprofile.predict.labels import LabelTable, read_labels
from blockprofile.predict.metrics import measure_fidelity
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.repeats import number_archs
from blockprofile.predict.table import write_additive_table
from blockprofile.predict.training import SMALL_TABLE, Progress
from blockprofile.predict.weights import WEIGHTS_NAME
from blockprofile.space import Space, load_space

MIN_ROWS = 20


def fit_predictor(
    table: str | Path, space: str, *, out: str | Path, metric: str = "top1_percent", seed: int = 0
) -> FitReport:
    """Fit a predictor to a column of a table of labelled archs.

    Parameters
    ----------
    table
        CSV or Parquet, as `read_labels` takes it.
    space
        A shipped name or a file.
    out
        The folder in which the predictor's own is made, named by the metric.
    metric
        The metric, and the name of its column.

    Raises
    ------
    UserError, DataError
        As `read_labels` and `fit_recipe`.
    """
    where, path = load_space(space), Path(table)
    recipe = Recipe(
        schema="blockprofile.recipe/1", table=path.name, space=space, metrics={metric: {"column": metric}}
    ).changed(seed=seed)
    (report,) = fit_recipe(read_labels(path, where), where, recipe, out=make_folder(Path(out)))
    return report


def fit_recipe(
    table: LabelTable,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    accelerator: str = "cpu",
    threads: int | None = None,
    progress: Progress = lambda *_: None,
) -> list[FitReport]:
    """Fit a predictor to each metric of a recipe, and write one predictor folder for each.

    It is a network, or the additive tables alone where the network is no better on archs that it had not seen.

    Parameters
    ----------
    recipe
        Metrics, their columns and card fields, training options.
    out
        The folder that the predictor folders are written into.
    accelerator
        ``cpu`` or ``cuda``; the cards say which.
    threads
        Of torch, while it trains. None is one for a small table, whose steps are too short to be shared (threads that
        wait for each other take many times as long on a busy machine), and as many as torch has for a large one.
    progress
        Called after every epoch with its number, the number of epochs and the loss.

    Raises
    ------
    DataError
        If a column is missing or not finite, or there are too few rows.
    OptionError
        If there is no such accelerator.
    RunError
        If another fit is writing into ``out``.
    """
    require_accelerator(accelerator)
    n_archs = len(number_archs(table.archs)[0])
    if n_archs < MIN_ROWS:
        raise DataError(
            f"{table.path} holds {n_archs} archs in {len(table.archs)} rows; at least {MIN_ROWS} archs are needed to "
            "fit a predictor"
        )
    if recipe.resolution is not None:
        table = dataclasses.replace(table, resolutions=None)
    make_folder(out)
    with lock_folder(out), _torch_threads(1 if threads is None and len(table.archs) < SMALL_TABLE else threads):
        return [
            _fit_folder(Fit.of(metric, table, space, recipe, accelerator=accelerator, progress=progress), out=out)
            for metric in recipe.metrics
        ]


@contextmanager
def _torch_threads(threads: int | None) -> Iterator[None]:
    """Let torch use so many threads within the block; None leaves them as they are."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _accelerator_name(accelerator: str) -> str:
    """Name an accelerator with its hardware where that changes what a fit takes.

    Examples
    --------
    >>> _accelerator_name("cpu")
    'cpu'
    """
    import torch

    return f"{accelerator} ({torch.cuda.get_device_name()})" if accelerator == "cuda" else accelerator


def _fit_folder(fit: Fit, *, out: Path) -> FitReport:
    """Fit a metric and put its folder in place whole: a kill leaves no card beside other weights."""
    folder = out / folder_name(fit.metric, fit.space)
    with replacing_predictor(folder, within=out) as fresh:
        return _fill_folder(fit, fresh, folder)


def _fill_folder(fit: Fit, fresh: Path, folder: Path) -> FitReport:
    """Fit a metric and write its table or weights, its residuals, and its card last."""
    space, recipe, held, train = fit.space, fit.recipe, fit.held.table, fit.train.table
    found = fit.members(fresh / WEIGHTS_NAME)
    told, labels = np.minimum(found.predict(space, held, fit.rows(held)), fit.ceiling), held.label(fit.column)
    fidelity = measure_fidelity(labels, told, maximize=recipe.is_maximized(fit.metric))
    judged = judged_fields(
        space, held.archs, told.astype(np.float64) - labels, fidelity, law=recipe.law,
        label_error=recipe.label_error(fit.metric),
    )  # fmt: skip
    report = FitReport(
        fit.metric, folder, len(train.archs), fidelity, found.choice, fit.pooled.spreads[fit.column],
        fit.pooled.describe(fit.column),
    )  # fmt: skip
    if found.choice.is_additive:
        tables = AdditiveTables.mean(found.tables)
        write_additive_table(fresh / TABLE_NAME, tables.named(space, fit.inputs))
    if recipe.folds:
        left = np.minimum(found.predict_unseen(space, train, fit.rows(train), fit.folds), fit.ceiling)
        residuals = collect_residuals(((fit.train, left), (fit.held, told)), fit.column)
        write_residuals(fresh / RESIDUALS_NAME, space, residuals)
    write_fit_card(fresh, fit, report, judged=judged, accelerator=_accelerator_name(fit.accelerator))
    return report
