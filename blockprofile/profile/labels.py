"""`profile LABELS`: the responses of a labelled table itself, whatever law drew its archs.

No predictor stands between: the labels are averaged, weighted to the law, by way of an additive part that was fitted
to others of them. A table of all archs of a space gives figures whose only error is the noise of their labels.
Metrics that add up, such as multiply-adds, are exact beside them.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError, OptionError, one_of
from blockprofile.metric import parse_metric
from blockprofile.predict import (
    ARCHS_NAME,
    CARD_NAME,
    AdditivePredictor,
    Card,
    Entry,
    LabelledArchs,
    LabelTable,
    Pooled,
    build_predictor,
    column_of,
    doubt_labels,
    effective_number,
    list_predictors,
    pool_repeats,
    read_card,
    read_labels,
    select_entries,
    weigh_archs,
)
from blockprofile.profile.corrected import LABELS
from blockprofile.profile.label_table import label_responses
from blockprofile.profile.record import PROFILE_NAME, Profile
from blockprofile.profile.responses import DEFAULT_SETTINGS, MetricInfo, Settings
from blockprofile.profile.rows import KeptRows, explain_metrics, write_rows
from blockprofile.run import describe_predictor, open_run
from blockprofile.space import Space, describe_space, load_space

FEWEST = 20
LABELS_PER_SKEWNESS = 25
"""A table of fewer archs of the space is refused."""

Doubles = NDArray[np.float64]


def profile_labels(
    table: str | Path,
    space: str | Path,
    metrics: Mapping[str, str],
    *,
    out: str | Path,
    devices: Sequence[str] = (),
    settings: Settings = DEFAULT_SETTINGS,
    resolution: int | None = None,
    plain: bool = False,
) -> Profile:
    """Profile a table of labelled archs and write ``profile.parquet`` into a folder.

    Parameters
    ----------
    table
        CSV, Parquet or JSON lines, as `blockprofile.predict.read_labels` takes them; rows of one arch are pooled.
        Beside a card of kind ``archs`` it brings the card's metric, provenance and noise.
    space
        A shipped name or a file. Archs of its base that a pruned space has not are left out.
    metrics
        Metric -> its column. One that the table has no column of is that of a predictor, exact where it adds up.
    devices
        Their latencies are exact beside the labels.
    settings
        How responses are computed. The figures are of its law, whatever drew the archs; see `weigh_archs`.
    resolution
        Where rows have a resolution of their own, those at this one (or the space's) are used.
    plain
        Average the labels as they are; else an additive part that was fitted to others narrows the intervals.

    Raises
    ------
    UserError
        If an argument is not allowed.
    DataError
        If the table cannot be read, has too few archs of the space, or cannot stand for the law.

    Notes
    -----
    Quantiles are those of the labels, noise included, and their intervals those of a sample.
    """
    started = time.perf_counter()
    where = load_space(space, resolution=resolution)
    read = read_labels(Path(table), where)
    rows = _rows_of(read, where)
    card = _card_beside(Path(table))
    columns, others = _split_metrics(metrics, rows, card)
    entries = select_entries(where, devices=devices, metrics=others)
    exact = _additive(entries, where)
    pooled = pool_repeats(rows, list(dict.fromkeys(columns.values())))
    weights, how, is_whole = weigh_archs(where, pooled.table.archs, law=settings.law)
    labelled = {}
    for metric, column in columns.items():
        noise = _noise(pooled, column, card) if is_whole else None
        labelled[metric] = LabelledArchs(pooled.table.archs, pooled.table.label(column), weights, how, noise)
    provenance = "user" if card is None else card.provenance
    info = {metric: MetricInfo(parse_metric(metric).unit, provenance, 0.0, holds_for=LABELS) for metric in columns}
    config = _config(where, space, Path(table), columns, labelled, pooled, settings)
    for metric, about in config["predictors"].items():
        about |= {"provenance": provenance, "spread": _spread(pooled, columns[metric], card)}
    config["predictors"] |= {entry[0].metric: describe_predictor(entry, where, law=settings.law) for entry in entries}
    config |= {"devices": list(devices), "metrics": others, "plain": plain, "labelled": list(columns)}
    config["left_out"] = len(read.archs) - len(rows.archs)
    found = label_responses(where, labelled, info=info, settings=settings, exact=exact, plain=plain)
    with open_run(out, kind="profile", config=config) as folder:
        values = {metric: each.values for metric, each in labelled.items()}
        kept = KeptRows.labelled(pooled.table.archs, values, pooled.counts)
        write_rows(folder, config, where, kept)
        about = {
            "config": config, "presence": settings.presence, "taus": settings.taus,
            "pairs": explain_metrics(where, kept),
        }  # fmt: skip
        profile = Profile(found, about, folder / PROFILE_NAME, time.perf_counter() - started)
        profile.write()
    return profile


def _card_beside(table: Path) -> Card | None:
    """Return the card of the predictor that a table belongs to, if it belongs to one."""
    if table.name != ARCHS_NAME or not (table.parent / CARD_NAME).is_file():
        return None
    card = read_card(table.parent)
    return card if card.kind == "archs" else None


def _split_metrics(metrics: Mapping[str, str], rows: LabelTable, card: Card | None) -> tuple[dict[str, str], list[str]]:
    """Tell metrics of the table's columns from those of predictors; without any, the card's own is meant."""
    own = {} if card is None else {card.metric: column_of(card)}
    named = {metric: own.get(metric, column) if column == metric else column for metric, column in metrics.items()}
    there = {*rows.labels, *rows.unread}
    others = [metric for metric, column in named.items() if column == metric and column not in there]
    known = {entry[0].metric for entry in list_predictors()}
    others = [metric for metric in others if metric in known or (Path(metric) / CARD_NAME).is_file()]
    columns = {metric: column for metric, column in named.items() if metric not in others}
    columns = columns or own
    if not columns:
        raise DataError(f"{rows.path}: none of {', '.join(metrics)} is a column of it; {one_of('', rows.labels)}")
    return columns, others


def _additive(entries: Sequence[Entry], space: Space) -> list[AdditivePredictor]:
    found = []
    for entry in entries:
        predictor = build_predictor(entry, space)
        if not isinstance(predictor, AdditivePredictor):
            raise OptionError(f"metric {predictor.metric!r} does not add up; a table of labels needs a column of it")
        found.append(predictor)
    return found


def _rows_of(table: LabelTable, space: Space) -> LabelTable:
    """Keep the rows of a space's archs at its resolution."""
    kept = table.within(space)
    if len(kept.archs) < FEWEST:
        raise DataError(
            f"{table.path} holds {len(kept.archs)} rows of archs of space {space.name!r} at resolution "
            f"{space.resolution}; at least {FEWEST} are needed"
        )
    return kept


def _noise(pooled: Pooled, column: str, card: Card | None) -> Doubles:
    """Return the variance of each label: the card's, or 0 where no arch was labelled twice, so that it is not known."""
    spread = _spread(pooled, column, card)
    return np.full(len(pooled.counts), 0.0 if spread is None else spread**2) / pooled.counts


def _spread(pooled: Pooled, column: str, card: Card | None) -> float | None:
    """Return the standard deviation between two labels of an arch; None where nothing tells it."""
    if card is not None and card.error.label_spread is not None:
        return card.error.label_spread
    return None if np.isnan(pooled.spreads[column]) else pooled.spreads[column]


def skew_words(found: LabelledArchs) -> str:
    """Say where labels are so skewed that intervals from as few of them may hold less often than 95 %.

    Examples
    --------
    >>> values = np.array([0.0] * 49 + [1.0])
    >>> skew_words(LabelledArchs(np.zeros((50, 1), np.uint8), values, np.ones(50), ""))
    'skewed labels (skewness 6.9): intervals of fewer than 1,176 may hold less often than 95 %'

    References
    ----------
    Cochran, Sampling Techniques, 3rd edition, 1977, section 2.15: 25 times the squared skewness.
    """
    apart = found.values - np.average(found.values, weights=found.weights)
    spread = float(np.average(apart**2, weights=found.weights))
    skewness = float(np.average(apart**3, weights=found.weights)) / spread**1.5 if spread else 0.0
    needed = math.ceil(LABELS_PER_SKEWNESS * skewness**2)
    if effective_number(found.weights) >= needed:
        return ""
    return f"skewed labels (skewness {skewness:.1f}): intervals of fewer than {needed:,} may hold less often than 95 %"


def _config(
    space: Space,
    source: str | Path,
    table: Path,
    metrics: Mapping[str, str],
    labelled: Mapping[str, LabelledArchs],
    pooled: Pooled,
    settings: Settings,
) -> dict[str, Any]:
    digest = hashlib.sha256(table.read_bytes()).hexdigest()[:16]
    predictors = {}
    for metric, column in metrics.items():
        found = labelled[metric]
        told = {"n": len(found.archs), "n_effective": round(effective_number(found.weights), 1), "how": found.how}
        words = [f"labels of {table.name}, column {column}", pooled.describe(column)]
        if found.noise is not None:
            words.append("all archs: exact but for the labels' noise" + ("" if found.noise.any() else ", not known"))
        else:
            words.append(skew_words(found))
        predictors[metric] = {
            "name": table.name, "metric": metric, "unit": parse_metric(metric).unit, "provenance": "user", "floor": 0.0,
            "caption": "; ".join(filter(None, words)), "hash": digest, "labels": told,
        }  # fmt: skip
        if doubt := doubt_labels(metric, found.values, space, found.archs):
            predictors[metric]["doubt"] = doubt
    return {
        "space": describe_space(space, source), "devices": [], "metrics": list(metrics), "predictors": predictors,
        "seed": 0, "law": settings.law, "limit": None, "chunk_size": 0, "n": len(pooled.counts),
        "labels": table.name,
    }  # fmt: skip
