"""Fitting predictors to a user's labelled table: split, train, judge on the archs held out, write folders."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from blockprofile.cuda import require_cuda
from blockprofile.errors import DataError, OptionError
from blockprofile.files import make_folder, replacing_folder
from blockprofile.metric import parse_metric
from blockprofile.predict.card import CARD_NAME
from blockprofile.predict.crossfit import RESIDUALS_NAME, collect_residuals, cut_folds, write_residuals
from blockprofile.predict.judge import judged_fields
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.metrics import Fidelity, measure_fidelity
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.relu_training import train_relu
from blockprofile.predict.repeats import number_archs, pool_repeats, split_archs
from blockprofile.predict.training import SMALL_TABLE, Layout, replace_additive, train_network
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
    "FitReport", "check_provider", "fit_predictors", "folder_name", "predict_table",
]  # fmt: skip

MIN_ROWS = 20
Arrays: TypeAlias = "dict[str, Tensor]"
ADDITIVE_WORDS = "additive part alone: the network was no better on the archs held out"


@dataclass(frozen=True, slots=True)
class FitReport:
    """What one fit gave: the metric, its folder, and the fidelity on the archs held out.

    ``n_train`` counts the archs trained on, each at each of its resolutions. ``spread`` is the standard deviation of
    repeated rows of an arch, NaN where there are none, and ``repeats`` says in words what was pooled. ``is_additive``
    tells that the network was no better than its additive part on the archs held out, and that part alone was kept.
    """

    metric: str
    folder: Path
    n_train: int
    fidelity: Fidelity
    spread: float = float("nan")
    repeats: str = ""
    is_additive: bool = False


def folder_name(metric: str, space: Space) -> str:
    """Name the folder of a metric's predictor.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> folder_name("latency_ms:phone", load_space("moga")), folder_name("top1_percent", load_space("moga"))
    ('phone_moga', 'top1_percent_moga')
    """
    about = parse_metric(metric)
    head = about.device if about.device and about.column == "latency_ms" else metric.replace(":", "_")
    return f"{head}_{space.base.name}"


def fit_predictors(
    table: LabelTable,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    drawn: LabelTable | None = None,
    provider: str = "cpu",
    threads: int | None = None,
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
    """
    check_provider(provider, recipe)
    make_folder(out)
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
    with _torch_threads(1 if threads is None and n_rows < SMALL_TABLE else threads):
        return [
            report
            for metrics in parts
            for report in _fit_folders(
                table, drawn, space, dataclasses.replace(recipe, metrics=metrics), out=out, provider=provider,
                progress=progress,
            )
        ]  # fmt: skip


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


def _fit_folders(
    table: LabelTable,
    drawn: LabelTable | None,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    provider: str,
    progress: Callable[[int, int, float], None],
) -> list[FitReport]:
    """Fit one network and put its folders in place whole: a kill leaves no card beside other weights."""
    home, *others = (out / folder_name(metric, space) for metric in recipe.metrics)
    with ExitStack() as last:
        fresh = [last.enter_context(replacing_folder(folder, within=out, is_kept=True)) for folder in others]
        with replacing_folder(home, within=out, is_kept=True) as first:
            folders = (first, *fresh)
            for folder in folders:
                for name in (CARD_NAME, WEIGHTS_NAME, RESIDUALS_NAME):
                    (folder / name).unlink(missing_ok=True)
            reports = _fit_network(
                table, drawn, space, recipe, out=out, folders=folders, provider=provider, progress=progress
            )
            for folder in others:  # the old cards speak of the network that is replaced now
                (folder / CARD_NAME).unlink(missing_ok=True)
    return reports


def _fit_network(
    table: LabelTable,
    drawn: LabelTable | None,
    space: Space,
    recipe: Recipe,
    *,
    out: Path,
    folders: Sequence[Path],
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

    def train_without(fold: int, alike: Arrays | None) -> Arrays:
        used = [train.table.take(np.flatnonzero(folds != fold))]
        if further is not None:
            used.append(_further(further, resolutions, train.table.take(np.flatnonzero(folds == fold))))
        codes = np.concatenate([network_codes(t.archs, t.resolutions, space, resolutions) for t in used])
        labels = np.concatenate([np.stack([t.label(column) for column in columns], axis=1) for t in used])
        if alike is not None:
            return replace_additive(alike, codes, labels, layout)
        if recipe.relu is not None:
            return train_relu(codes, labels, layout, space, recipe.relu, device=provider, progress=progress)
        return train_network(codes, labels, layout, recipe.options, progress=progress)

    fresh = dict(zip(metrics, folders, strict=True))
    home = folders[0]

    def store(members: Sequence[Arrays]) -> NetworkFile:
        write_network(
            home / WEIGHTS_NAME, members[0], space=space, metrics=metrics, resolutions=resolutions,
            eight_bits=recipe.relu is not None and recipe.relu.eight_bits, others=members[1:],
        )  # fmt: skip
        return read_network(home / WEIGHTS_NAME)

    def judge(file: NetworkFile) -> NDArray[np.bool_]:
        return np.zeros(len(metrics), bool) if recipe.relu else _useless(file, space, held.table, columns)

    file, useless = _train_members(train_without, store, judge, n_members=max(1, recipe.folds))
    ceilings = np.array([[recipe.metrics[metric].get("ceiling", np.inf)] for metric in metrics], np.float32)
    predictions = np.minimum(predict_table(file, space, held.table), ceilings)
    n_drawn = 0 if further is None else len(further.archs)
    n_used = len(train.counts) + n_drawn
    made_from = f"{len(train.counts)} of the {len(pooled.counts)} archs of {table.path.name}, chosen at random"
    made_from += f"; {n_drawn} drawn archs of {drawn.path.name}" if drawn is not None else ""
    reports = []
    for metric, column, found, is_additive in zip(metrics, columns, predictions, useless, strict=True):
        labels = held.table.label(column)
        fidelity = measure_fidelity(labels, found, maximize=recipe.is_maximized(metric))
        fields = judged_fields(
            space, held.table.archs, found.astype(np.float64) - labels, fidelity, law=recipe.law,
            label_error=recipe.label_error(metric),
        )  # fmt: skip
        folder, spread = out / folder_name(metric, space), pooled.spreads[column]
        reports.append(FitReport(metric, folder, n_used, fidelity, spread, pooled.describe(column), bool(is_additive)))
        _write_card(
            fresh[metric], reports[-1], space, recipe, resolutions, title_of=table.path.name, made_from=made_from,
            provider=provider, judged=fields,
        )  # fmt: skip
    unseen = np.minimum(predict_unseen(file, space, train.table, folds), ceilings) if recipe.folds else ()
    for report, column, left, judged in zip(reports, columns, unseen, predictions, strict=False):
        parts = ((train, left), (held, judged))
        write_residuals(fresh[report.metric] / RESIDUALS_NAME, space, collect_residuals(parts, column))
    return reports


def _train_members(
    train: Callable[[int, Arrays | None], Arrays],
    store: Callable[[Sequence[Arrays]], NetworkFile],
    judge: Callable[[NetworkFile], NDArray[np.bool_]],
    *,
    n_members: int,
) -> tuple[NetworkFile, NDArray[np.bool_]]:
    """Train and store the members, and leave the network out of metrics that it does not help.

    Where the first one's network helps no metric the others are fitted without one.
    """
    members = [train(0, None)]
    useless = judge(store(members))
    members += [train(fold, members[0] if useless.all() else None) for fold in range(1, n_members)]
    file = store(members)
    useless = useless if useless.all() else judge(file)
    if useless.any():
        for member in members:
            member["scale"][useless] = 0.0
        file = store(members)
    return file, useless


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


def _resolutions(table: LabelTable) -> tuple[int, ...]:
    """List the resolutions of a table's rows, none where its rows have none of their own."""
    return () if table.resolutions is None else tuple(int(r) for r in np.unique(table.resolutions))


def _useless(file: NetworkFile, space: Space, held: LabelTable, columns: Sequence[str]) -> NDArray[np.bool_]:
    """Tell for which metrics the network is no better than its additive part on archs held out, shape (n_metrics,)."""
    additive, rest = _predict_halves(file, space, held)
    labels = np.stack([held.label(column) for column in columns])
    alone, whole = (np.square(found - labels).sum(axis=1) for found in (additive, additive + rest))
    useless: NDArray[np.bool_] = whole >= alone
    return useless


def predict_table(file: NetworkFile, space: Space, table: LabelTable) -> NDArray[np.float32]:
    """Predict a table with the weights as they are stored, each row at its own resolution.

    Returns
    -------
    float32, shape (n_metrics, n).
    """
    additive, rest = _predict_halves(file, space, table)
    return additive + rest


def _predict_halves(
    file: NetworkFile, space: Space, table: LabelTable
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Predict the additive part and the rest, each of shape (n_metrics, n)."""
    from blockprofile.predict.neural import load_network

    if table.resolutions is None or not file.resolutions:
        return load_network(file, space).evaluate(table.archs)
    additive, rest = (np.empty((len(file.metrics), len(table.archs)), np.float32) for _ in range(2))
    for resolution in file.resolutions:
        chosen = table.resolutions == resolution
        halves = load_network(file, space.at_resolution(resolution)).evaluate(table.archs[chosen])
        additive[:, chosen], rest[:, chosen] = halves
    return additive, rest


def _write_card(
    folder: Path,
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
    about = parse_metric(metric)
    card = {
        "schema": "blockprofile.predictor/1",
        "name": folder_name(metric, space),
        "title": f"{metric} of {space.base.name}, fitted to {title_of}",
        "kind": "network",
        "metric": metric,
        "unit": about.unit,
        "device": about.device or None,
        "direction": about.direction,
        "provenance": "user",
        "spaces": [space.base.name],
        "resolutions": list(resolutions),
        **recipe.card,
        **{key: value for key, value in recipe.metrics[metric].items() if key != "column"},
        "made_from": made_from + (f"; {ADDITIVE_WORDS}" if report.is_additive else ""),
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
    write_yaml(folder / CARD_NAME, {key: value for key, value in card.items() if value not in (None, [])})
