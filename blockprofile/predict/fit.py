"""Fitting predictors to a user's labelled table: split, train, judge on the archs held out, write folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np

from blockprofile.cuda import require_cuda
from blockprofile.errors import DataError, OptionError
from blockprofile.files import lock_folder, make_folder, remove_leftovers_of, replacing_folder
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.card import CARD_NAME
from blockprofile.predict.crossfit import RESIDUALS_NAME, collect_residuals, write_residuals
from blockprofile.predict.fit_card import FitReport, folder_name, write_fit_card
from blockprofile.predict.fit_task import Fit, Progress
from blockprofile.predict.judge import judged_fields
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.metrics import measure_fidelity
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.repeats import number_archs
from blockprofile.predict.table import TABLE_NAME, write_additive_table
from blockprofile.predict.training import SMALL_TABLE
from blockprofile.predict.weights import (
    WEIGHTS_NAME,
)
from blockprofile.space.space import Space

__all__ = ["FitReport", "check_provider", "fit_predictors", "folder_name"]

MIN_ROWS = 20
FILES = (CARD_NAME, WEIGHTS_NAME, TABLE_NAME, RESIDUALS_NAME)
"""What a fit writes into a predictor's folder; of an earlier fit none of it stays."""


def fit_predictors(
    table: LabelTable,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    drawn: LabelTable | None = None,
    provider: str = "cpu",
    threads: int | None = None,
    progress: Progress = lambda *_: None,
) -> list[FitReport]:
    """Fit a predictor to each metric of a recipe, and write one predictor folder for each.

    It is a network, or the additive tables alone where the network is no better on archs that it had not seen.

    Parameters
    ----------
    table
        Labelled archs of ``space``.
    recipe
        Metrics, their columns and card fields, training options. Where the metrics share one network, its
        weights stand in the first one's folder and the other cards name that folder.
    out
        The folder that the predictor folders are written into.
    drawn
        Further labelled archs, which are trained on and never judged by.
    provider
        ``cpu``, or ``cuda`` for a network of ReLU layers; the cards say which.
    threads
        Of torch, while it trains. None is one for a small table, whose steps are too short to be shared (threads that
        wait for each other take many times as long on a busy machine), and as many as torch has for a large one.
    progress
        Called after every epoch with its number, the number of epochs and the loss.

    Returns
    -------
    One report for each metric.

    Raises
    ------
    DataError
        If a column is missing or not finite, or there are too few rows.
    OptionError
        If there is no such provider, or it does not train this kind of network.
    RunError
        If another fit is writing into ``out``.
    """
    check_provider(provider, recipe)
    n_archs = len(number_archs(table.archs)[0])
    if n_archs < MIN_ROWS:
        raise DataError(
            f"{table.path} holds {n_archs} archs in {len(table.archs)} rows; at least {MIN_ROWS} archs are needed to "
            "fit a predictor"
        )
    if recipe.resolution is not None:
        table = dataclasses.replace(table, resolutions=None)
    parts = [recipe.metrics] if recipe.shared else [{metric: entry} for metric, entry in recipe.metrics.items()]
    n_rows = len(table.archs) + (0 if drawn is None else len(drawn.archs))
    make_folder(out)
    with lock_folder(out), _torch_threads(1 if threads is None and n_rows < SMALL_TABLE else threads):
        return [
            report
            for metrics in parts
            for report in _fit_folders(
                Fit.of(
                    table,
                    space,
                    dataclasses.replace(recipe, metrics=metrics),
                    drawn=drawn,
                    provider=provider,
                    progress=progress,
                ),
                out=out,
            )
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


def check_provider(provider: str, recipe: Recipe) -> None:
    """Refuse a provider that is not there or does not train the recipe's kind of network.

    Raises
    ------
    OptionError
        Naming the choices.
    """
    if provider == "cpu":
        return
    if provider != "cuda":
        raise OptionError(f"no provider {provider!r} to fit with; choices: cpu, cuda")
    if recipe.relu is None:
        raise OptionError(
            "provider 'cuda' fits networks of ReLU layers alone, and this recipe has no relu; choices: cpu"
        )
    require_cuda()


def _provider_name(provider: str) -> str:
    """Name a provider with its hardware where that changes what a fit takes.

    Examples
    --------
    >>> _provider_name("cpu")
    'cpu'
    """
    import torch

    return f"{provider} ({torch.cuda.get_device_name()})" if provider == "cuda" else provider


def _fit_folders(fit: Fit, *, out: Path) -> list[FitReport]:
    """Fit one network and put its folders in place whole: a kill leaves no card beside other weights."""
    home, *others = (out / folder_name(metric, fit.space) for metric in fit.recipe.metrics)
    with ExitStack() as last:
        for folder in (home, *others):
            remove_leftovers_of(folder)
        fresh = [last.enter_context(replacing_folder(folder, within=out, is_kept=True)) for folder in others]
        with replacing_folder(home, within=out, is_kept=True) as first:
            folders = (first, *fresh)
            for folder in folders:
                for name in FILES:
                    (folder / name).unlink(missing_ok=True)
            reports = _fill_folders(fit, folders, out=out)
            for folder in others:  # the old cards speak of the network that is replaced now
                (folder / CARD_NAME).unlink(missing_ok=True)
    return reports


def _fill_folders(fit: Fit, folders: Sequence[Path], *, out: Path) -> list[FitReport]:
    """Fit one network and write the cards, tables and residuals of all its metrics."""
    space, recipe, held = fit.space, fit.recipe, fit.held.table
    found = fit.members(folders[0] / WEIGHTS_NAME)
    predictions = np.minimum(found.predict(space, held, fit.rows(held)), fit.ceilings)
    train = fit.train.table
    unseen = found.predict_unseen(space, train, fit.rows(train), fit.folds) if recipe.folds else predictions[:, :0]
    tables = AdditiveTables.mean(found.tables)
    made_from = f"{len(fit.train.counts)} of the {len(fit.pooled.counts)} archs of {train.path.name}, chosen at random"
    if fit.drawn is not None:
        made_from += f"; {len(fit.drawn.archs)} drawn archs of {fit.drawn.path.name}"
    reports = []
    for place, (metric, column, folder) in enumerate(zip(recipe.metrics, fit.columns, folders, strict=True)):
        labels, told, choice = held.label(column), predictions[place], found.choices[place]
        fidelity = measure_fidelity(labels, told, maximize=recipe.is_maximized(metric))
        judged = judged_fields(
            space, held.archs, told.astype(np.float64) - labels, fidelity, law=recipe.law,
            label_error=recipe.label_error(metric),
        )  # fmt: skip
        reports.append(
            FitReport(
                metric, out / folder_name(metric, space), fit.n_train, fidelity, choice, fit.pooled.spreads[column],
                fit.pooled.describe(column),
            )
        )  # fmt: skip
        write_fit_card(
            folder, reports[-1], space, recipe, resolutions=fit.resolutions, table=train.path.name, made_from=made_from,
            provider=_provider_name(fit.provider), judged=judged,
        )  # fmt: skip
        if choice.is_additive:
            write_additive_table(folder / TABLE_NAME, tables.named(space, place, resolutions=fit.resolutions))
        if recipe.folds:
            left = np.minimum(unseen[place], fit.ceilings[place])
            residuals = collect_residuals(((fit.train, left), (fit.held, told)), column)
            write_residuals(folder / RESIDUALS_NAME, space, residuals)
    return reports
