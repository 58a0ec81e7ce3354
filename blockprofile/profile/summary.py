"""What a profile says in a few lines: the blocks ranked by their response, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.profile.record import rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["archs_words", "block_summary", "holding_words", "strongest_layers", "unbounded_words"]

Row = dict[str, Any]


def block_summary(table: pd.DataFrame) -> list[Row]:
    """Put the M_b of all metrics side by side, one row per block, each with its interval's half width.

    Returns
    -------
    Rows ready to be printed; an effect that is below its floor is in parentheses.
    """
    rows: dict[str, Row] = {}
    chosen = rows_of(table, "M_b")
    for record in chosen.to_dict("records"):
        row = rows.setdefault(record["block"], {"block": record["block"]})
        half = (record["ci_high"] - record["ci_low"]) / 2
        told = f"{record['effect']:+.3f} ±{half:.3f}" if math.isfinite(half) else f"{record['effect']:+.3f} ±?"
        row[f"{record['metric']} [{record['unit_of']}]"] = told if record["is_effect"] else f"({told})"
    return list(rows.values())


def unbounded_words(table: pd.DataFrame) -> list[str]:
    """Say which effects have no interval, or one with an infinite end, because their archs are too few.

    Examples
    --------
    >>> import pandas as pd
    >>> row = {"statistic": "M_tau", "tau": 0.99, "effect": 1.0, "ci_low": 0.5}
    >>> unbounded_words(pd.DataFrame([row | {"ci_high": 1.5}, row | {"ci_high": float("inf")}]))
    ['M_tau at 0.99: 1 of 2 effects have an interval without an end: too few archs']
    """
    effects = table[table["effect"].notna()]
    sentences = []
    for (statistic, tau), part in effects.groupby(["statistic", effects["tau"].fillna(0.0)]):
        infinite = int(np.isinf(part[["ci_low", "ci_high"]]).any(axis=1).sum())
        if infinite:
            name = statistic if tau == 0 else f"{statistic} at {tau:g}"
            sentences.append(
                f"{name}: {infinite} of {len(part)} effects have an interval without an end: too few archs"
            )
    return sentences


def strongest_layers(table: pd.DataFrame, *, count: int = 3) -> list[str]:
    """Say for each metric which (unit, layer, block) raise and lower it most, in sentences."""
    sentences = []
    rows = rows_of(table, "M_ulb")
    chosen = rows[rows["is_effect"]]
    for metric, part in chosen.groupby("metric", sort=False):
        ordered = part.sort_values("effect")
        most = [_word(record) for record in ordered.tail(count).iloc[::-1].to_dict("records")]
        least = [_word(record) for record in ordered.head(count).to_dict("records")]
        sentences.append(f"{metric}: most raised by {', '.join(most)}; most lowered by {', '.join(least)}")
    return sentences


def _word(record: dict[Any, Any]) -> str:
    return (
        f"{record['block']} at unit {record['u']} layer {record['layer']} ({record['effect']:+.3g} {record['unit_of']})"
    )


def archs_words(config: Mapping[str, Any], n: int) -> str:
    """Say which archs the figures of a run are of.

    Examples
    --------
    >>> archs_words({"law": "papers", "limit": "macs_m<=300", "seed": 1}, 5000)
    "5,000 archs drawn by the law 'papers', macs_m<=300, seed 1"
    >>> archs_words({"law": "papers", "labels": "mine.csv"}, 300)
    "300 labelled archs of mine.csv, for the law 'papers'"
    """
    if config.get("labels"):
        return f"{n:,} labelled archs of {config['labels']}, for the law '{config['law']}'"
    limit = f", {config['limit']}" if config.get("limit") else ""
    return f"{n:,} archs drawn by the law '{config['law']}'{limit}, seed {config['seed']}"


def holding_words(predictors: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]) -> str:
    """Say what the intervals of sampled metrics hold for, in a sentence or two; empty where all are counted.

    Parameters
    ----------
    predictors
        What a run's configuration says of each.

    Examples
    --------
    >>> told = {"macs_m": {"provenance": "counted"}, "ms": {"provenance": "measured"}, "score": {
    ...     "provenance": "user", "labels": {"n": 2000, "n_effective": 1500.0, "how": "weighted to the law"}}}
    >>> holding_words(told, ["macs_m", "ms", "score"])
    'Intervals hold for the truth: score (2,000 labelled archs, worth 1,500); for the predictor alone: ms.'
    """
    truth, alone = [], []
    for name in metrics:
        labels = predictors[name].get("labels")
        if labels and labels["n"]:
            n, worth = labels["n"], round(labels["n_effective"])
            truth.append(f"{name} ({n:,} labelled archs{'' if worth == n else f', worth {worth:,}'})")
        elif predictors[name]["provenance"] != "counted":
            alone.append(f"{name} ({labels['how']})" if labels else name)
    parts = {"the truth": truth, "the predictor alone": alone}
    told = [f"for {what}: {', '.join(names)}" for what, names in parts.items() if names]
    return f"Intervals hold {'; '.join(told)}." if told else ""
