"""Fitting predictors to a user's labelled table: split, train, judge on the archs held out, write folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.cuda import require_cuda
from blockprofile.errors import DataError, OptionError
from blockprofile.predict.card import CARD_NAME
from blockprofile.predict.crossfit import RESIDUALS_NAME, collect_residuals, cut_folds, write_residuals
from blockprofile.predict.judge import judged_fields
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.metrics import Fidelity, measure_fidelity
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.relu_training import train_relu
from blockprofile.predict.repeats import number_archs, pool_repeats, split_archs
from blockprofile.predict.training import Layout, train_network
from blockprofile.predict.weights import (
    WEIGHTS_NAME,
    NetworkFile,
    network_codes,
    network_layout,
    read_network,
    write_network,
)
from blockprofile.space.slots import Archs
from blockprofile.space.space import Space
from blockprofile.yamlfile import write_yaml

if TYPE_CHECKING:
    from torch import Tensor

__all__ = [
    "FitReport", "check_provider", "fit_predictors", "folder_name", "is_maximized", "predict_table", "unit_of",
    "warn_of_scale",
]  # fmt: skip

MIN_ROWS = 20
SUFFIX_UNITS = {"percent": "%", "ms": "ms", "m": "M", "mb": "MB", "mj": "mJ"}


@dataclass(frozen=True, slots=True)
class FitReport:
    """What one fit gave: the metric, its folder, and the fidelity on the archs held out.

    ``n_train`` counts the archs trained on, each at each of its resolutions. ``spread`` is the standard deviation of
    repeated rows of an arch, NaN where there are none, and ``repeats`` says in words what was pooled.
    """

    metric: str
    folder: Path
    n_train: int
    fidelity: Fidelity
    spread: float = float("nan")
    repeats: str = ""


def unit_of(metric: str) -> str:
    """Read the unit off a metric's name: ``latency_ms:phone`` gives ``ms``; empty where the name has none.

    Examples
    --------
    >>> unit_of("latency_ms:phone"), unit_of("top1_percent"), unit_of("score")
    ('ms', '%', '')
    """
    return SUFFIX_UNITS.get(metric.partition(":")[0].rpartition("_")[2], "")


def folder_name(metric: str, space: Space) -> str:
    """Name the folder of a metric's predictor.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> folder_name("latency_ms:phone", load_space("moga")), folder_name("top1_percent", load_space("moga"))
    ('phone_moga', 'top1_percent_moga')
    """
    column, _, device = metric.partition(":")
    head = device if device and column.startswith("latency") else metric.replace(":", "_")
    return f"{head}_{space.base.name}"


def warn_of_scale(metric: str, labels: NDArray[np.float64]) -> str:
    """Say what looks wrong with a metric's scale; empty where nothing does.

    Examples
    --------
    >>> warn_of_scale("top1_percent", np.array([0.71, 0.76]))
    'top1_percent lies between 0.71 and 0.76: these look like fractions of 1; a metric in percent is expected as 71.0'
    """
    unit, low, high = unit_of(metric), float(labels.min()), float(labels.max())
    between = f"{metric} lies between {low:.4g} and {high:.4g}"
    if unit == "%" and low >= 0 and high <= 1:
        return f"{between}: these look like fractions of 1; a metric in percent is expected as {100 * low:.1f}"
    if unit == "%" and (low < 0 or high > 100):
        return f"{between}: a metric in percent is expected between 0 and 100"
    if unit == "ms" and 0 < high < 0.2:
        return f"{between}: these look like seconds; a latency is expected in ms, such as {1000 * high:.4g}"
    if unit == "ms" and low > 20_000:
        return f"{between}: these look like microseconds; a latency is expected in ms, such as {low / 1000:.4g}"
    if unit == "M" and low > 1e5:
        return f"{between}: these look like plain counts; the metric is expected in millions"
    return ""


def fit_predictors(
    table: LabelTable,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    drawn: LabelTable | None = None,
    provider: str = "cpu",
    progress: Callable[[int, int, float], None] = lambda *_: None,
) -> list[FitReport]:
    """Train a network for each metric of a recipe, or one for all, and write one predictor folder for each.

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
    return [
        report
        for metrics in parts
        for report in _fit_network(
            table, drawn, space, dataclasses.replace(recipe, metrics=metrics), out=out, provider=provider,
            progress=progress,
        )
    ]  # fmt: skip


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


def _fit_network(
    table: LabelTable,
    drawn: LabelTable | None,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    provider: str,
    progress: Callable[[int, int, float], None],
) -> list[FitReport]:
    """Train one network for all metrics of a recipe, or as many as there are folds, whose mean is the predictor."""
    metrics = list(recipe.metrics)
    columns = [recipe.metrics[metric].get("column", metric) for metric in metrics]
    resolutions = _resolutions(table)
    layout = Layout(*network_layout(space, len(resolutions)))
    pooled = pool_repeats(table, columns)
    train, held = (
        pool_repeats(table.take(rows), columns)
        for rows in split_archs(table.archs, holdout=recipe.holdout, seed=recipe.seed)
    )
    further = None if drawn is None else _further(drawn, resolutions, held.table)
    folds = cut_folds(train.table.archs, folds=recipe.folds, seed=recipe.seed)

    def train_without(fold: int) -> dict[str, Tensor]:
        out_of_fold = train.table.take(np.flatnonzero(folds == fold))
        used = [train.table.take(np.flatnonzero(folds != fold))]
        if further is not None:
            used.append(_further(further, resolutions, out_of_fold) if recipe.folds else further)
        codes = np.concatenate([network_codes(t.archs, t.resolutions, space, resolutions) for t in used])
        labels = np.concatenate([np.stack([t.label(column) for column in columns], axis=1) for t in used])
        if recipe.relu is not None:
            return train_relu(codes, labels, layout, space, recipe.relu, device=provider, progress=progress)
        return train_network(codes, labels, layout, recipe.options, progress=progress)

    first, *others = (train_without(fold) for fold in range(max(1, recipe.folds)))
    home = out / folder_name(metrics[0], space)
    home.mkdir(parents=True, exist_ok=True)
    eight_bits = recipe.relu is not None and recipe.relu.eight_bits
    write_network(
        home / WEIGHTS_NAME, first, space=space, metrics=metrics, resolutions=resolutions, eight_bits=eight_bits,
        others=others,
    )  # fmt: skip
    file = read_network(home / WEIGHTS_NAME)
    ceilings = np.array([[recipe.metrics[metric].get("ceiling", np.inf)] for metric in metrics], np.float32)
    predictions = np.minimum(predict_table(file, space, held.table), ceilings)
    made_from = f"{len(train.counts)} of the {len(pooled.counts)} archs of {table.path.name}, chosen at random"
    n_used = len(train.counts)
    if further is not None:
        made_from += f"; {len(further.archs)} drawn archs of {further.path.name}"
        n_used += len(further.archs)
    reports = []
    for metric, column, found in zip(metrics, columns, predictions, strict=True):
        labels = held.table.label(column)
        fidelity = measure_fidelity(labels, found, maximize=is_maximized(metric))
        fields = judged_fields(
            space, held.table.archs, found.astype(np.float64) - labels, fidelity, law=recipe.law,
            label_error=recipe.label_error(metric),
        )  # fmt: skip
        folder, spread = out / folder_name(metric, space), pooled.spreads[column]
        reports.append(FitReport(metric, folder, n_used, fidelity, spread, pooled.describe(column)))
        _write_card(
            reports[-1], space, recipe, resolutions, title_of=table.path.name, made_from=made_from, provider=provider,
            judged=fields,
        )  # fmt: skip
    for report in reports:
        (report.folder / RESIDUALS_NAME).unlink(missing_ok=True)
    if recipe.folds:
        unseen = np.minimum(predict_unseen(file, space, train.table, folds), ceilings)
        for report, column, left, judged in zip(reports, columns, unseen, predictions, strict=True):
            parts = ((train, left), (held, judged))
            write_residuals(report.folder / RESIDUALS_NAME, space, collect_residuals(parts, column))
    return reports


def predict_unseen(file: NetworkFile, space: Space, table: LabelTable, folds: NDArray[np.int64]) -> NDArray[np.float32]:
    """Predict each row of a table by the member that was fitted without its fold: shape (n_metrics, n)."""
    unseen = np.empty((len(file.metrics), len(folds)), np.float32)
    for fold, member in enumerate(file.members()):
        rows = np.flatnonzero(folds == fold)
        unseen[:, rows] = predict_table(member, space, table.take(rows))
    return unseen


def _further(drawn: LabelTable, resolutions: Sequence[int], held: LabelTable) -> LabelTable:
    """Return the drawn rows that may be trained on: those of archs that are not held out."""
    if bool(_resolutions(drawn)) != bool(resolutions) or not set(_resolutions(drawn)) <= set(resolutions):
        raise DataError(
            f"{drawn.path} holds labels at resolutions {_resolutions(drawn)}, the table at {tuple(resolutions)}; "
            "every resolution of the drawn archs must be among those of the table"
        )
    keys: NDArray[np.uint64] = np.random.default_rng(0).integers(1 << 63, size=drawn.archs.shape[1:], dtype=np.uint64)
    free = ~np.isin(_hashes(drawn.archs, keys), _hashes(held.archs, keys))
    return drawn if free.all() else drawn.take(np.flatnonzero(free))


def _hashes(archs: Archs, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Hash archs to 64 bits; two of a million differ in their hash but for one chance in ten million."""
    hashes = np.zeros(len(archs), np.uint64)
    for slot, key in enumerate(keys):
        hashes += archs[:, slot].astype(np.uint64) * key
    return hashes


def is_maximized(metric: str) -> bool:
    """Tell whether large values of a metric are the good ones: percentages and scores, not costs."""
    return unit_of(metric) in {"%", ""}


def _resolutions(table: LabelTable) -> tuple[int, ...]:
    """List the resolutions of a table's rows, none where its rows have none of their own."""
    return () if table.resolutions is None else tuple(int(r) for r in np.unique(table.resolutions))


def predict_table(file: NetworkFile, space: Space, table: LabelTable) -> NDArray[np.float32]:
    """Predict a table with the weights as they are stored, each row at its own resolution.

    Returns
    -------
    float32, shape (n_metrics, n).
    """
    from blockprofile.predict.neural import load_network

    if table.resolutions is None or not file.resolutions:
        additive, rest = load_network(file, space).evaluate(table.archs)
        return additive + rest
    found = np.empty((len(file.metrics), len(table.archs)), np.float32)
    for resolution in file.resolutions:
        chosen = table.resolutions == resolution
        additive, rest = load_network(file, space.at_resolution(resolution)).evaluate(table.archs[chosen])
        found[:, chosen] = additive + rest
    return found


def _write_card(
    report: FitReport,
    space: Space,
    recipe: Recipe,
    resolutions: Sequence[int],
    *,
    title_of: str,
    made_from: str,
    provider: str,
    judged: Mapping[str, Any],
) -> None:
    metric = report.metric
    column, _, device = metric.partition(":")
    card = {
        "schema": "blockprofile.predictor/1",
        "name": folder_name(metric, space),
        "title": f"{metric} of {space.base.name}, fitted to {title_of}",
        "kind": "network",
        "metric": metric,
        "unit": unit_of(metric),
        "device": device if column.startswith("latency") and device else None,
        "provenance": "user",
        "spaces": [space.base.name],
        "resolutions": list(resolutions),
        **recipe.card,
        **{key: value for key, value in recipe.metrics[metric].items() if key != "column"},
        "made_from": made_from,
        "floor": judged["floor"],
        "error": {
            **judged["error"],
            **({"label_spread": float(f"{report.spread:.4g}"), "notes": report.repeats} if report.repeats else {}),
        },
        "created": {
            "command": "blockprofile predictor fit", "provider": _provider_name(provider),
            "options": recipe.used_options(), "folds": recipe.folds,
        },
    }  # fmt: skip
    home = folder_name(next(iter(recipe.metrics)), space)
    if card["name"] != home:
        card["parameters"] = {"network": home}
    report.folder.mkdir(parents=True, exist_ok=True)
    write_yaml(report.folder / CARD_NAME, {key: value for key, value in card.items() if value not in (None, [])})
