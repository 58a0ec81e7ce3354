"""What a profile says in a few lines: the blocks ranked by their response, metric by metric."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.profile.inference import ROUNDING
from blockprofile.profile.record import Profile
from blockprofile.space import place_name

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


def block_summary(profile: Profile) -> list[Row]:
    """Put the M_b of all metrics side by side, one row per block, each with its interval's half width.

    Returns
    -------
    Rows ready to be printed; an effect that is below its floor is in parentheses.
    """
    rows: dict[str, Row] = {}
    chosen = profile.rows("M_b")
    digits = _digits(profile, chosen)
    for record in chosen.to_dict("records"):
        row = rows.setdefault(record["block"], {"block": record["block"]})
        row[_heading(record)] = _told(record, digits[record["metric"]])
    return list(rows.values())


def _heading(record: Mapping[Any, Any]) -> str:
    return f"{record['metric']} [{record['unit_of']}]" if record["unit_of"] else str(record["metric"])


def _digits(profile: Profile, rows: pd.DataFrame) -> dict[str, int]:
    """Return for each metric with how many decimals its effects are told: the largest has three digits at least.

    What is nothing but the rounding of its mean is told as 0.
    """
    means = profile.rows("mean").set_index("metric")["value"].abs()
    found = {}
    for name, part in rows.groupby("metric")["effect"]:
        size = float(part.abs().max())
        is_there = size > ROUNDING * float(means.get(name, 0.0))
        found[str(name)] = max(3, 2 - math.floor(math.log10(size))) if is_there else 3
    return found


def _told(record: dict[Any, Any], digits: int) -> str:
    half = (record["ci_high"] - record["ci_low"]) / 2
    told = f"{record['effect']:+.{digits}f}"
    if half > 0:
        told += f" ±{half:.{digits}f}" if math.isfinite(half) else " ±?"
    return told if record["is_effect"] else f"({told})"


def factor_summary(profile: Profile) -> list[Row]:
    """Put the steps of factors over the network side by side, one row per step.

    Returns
    -------
    Rows as those of `block_summary`; none where the profile has no steps.
    """
    rows: dict[str, Row] = {}
    steps = profile.rows("M_factor")
    chosen = steps[steps["u"] == 0]
    digits = _digits(profile, chosen)
    for record in chosen.to_dict("records"):
        row = rows.setdefault(record["block"], {"step": step_words(record["block"])})
        row[_heading(record)] = _told(record, digits[record["metric"]])
    return list(rows.values())


def step_words(name: str) -> str:
    """Write a step, or a pair of steps, for people.

    Examples
    --------
    >>> step_words("kernel 3->5 x se no->yes")
    'kernel 3 → 5 with se no → yes'
    """
    return name.replace("->", " → ").replace(" x ", " with ")


def pair_words(profile: Profile, *, count: int = 3) -> list[str]:
    """Say for each metric which steps interact most over the network, in a sentence."""
    sentences = []
    pairs = profile.rows("M_pair")
    pairs = pairs[pairs["u"] == 0]
    for metric, part in pairs.groupby("metric", sort=False):
        known = part[part["is_effect"]]
        most = known.loc[known["effect"].abs().sort_values(ascending=False, kind="stable").index[:count]]
        words = [f"{step_words(record['block'])} ({_amount(record)})" for record in most.to_dict("records")]
        told = f"most {', '.join(words)}" if words else "none beyond noise and floor"
        sentences.append(f"{metric}: {len(known)} of {len(part)} pairs of steps interact: {told}")
    return sentences


def unbounded_words(profile: Profile) -> list[str]:
    """Say which effects have no interval, or one with an infinite end, because their archs are too few.

    Examples
    --------
    >>> import pandas as pd
    >>> from blockprofile.profile import Profile
    >>> row = {"statistic": "M_tau", "tau": 0.99, "effect": 1.0, "ci_low": 0.5}
    >>> unbounded_words(Profile(pd.DataFrame([row | {"ci_high": 1.5}, row | {"ci_high": float("inf")}])))
    ['M_tau at 0.99: 1 of 2 effects have an interval without an end: too few archs']
    """
    effects = profile.table[profile.table["effect"].notna()]
    sentences = []
    for (statistic, tau), part in effects.groupby(["statistic", effects["tau"].fillna(0.0)]):
        infinite = int(np.isinf(part[["ci_low", "ci_high"]]).any(axis=1).sum())
        if infinite:
            name = statistic if tau == 0 else f"{statistic} at {tau:g}"
            sentences.append(
                f"{name}: {infinite} of {len(part)} effects have an interval without an end: too few archs"
            )
    return sentences


def strongest_layers(profile: Profile, *, count: int = 3) -> list[str]:
    """Say for each metric which (unit, layer, block) raise and lower it most, in sentences."""
    sentences = []
    rows = profile.rows("M_ulb")
    chosen = rows[rows["is_effect"]]
    for metric, part in chosen.groupby("metric", sort=False):
        ordered = part.sort_values("effect")
        raising, lowering = ordered[ordered["effect"] > 0], ordered[ordered["effect"] < 0]
        told = {"raised": raising.tail(count).iloc[::-1], "lowered": lowering.head(count)}
        words = {how: ", ".join(map(_word, rows.to_dict("records"))) for how, rows in told.items() if len(rows)}
        sentences.append(f"{metric}: {'; '.join(f'most {how} by {named}' for how, named in words.items())}")
    return sentences


def _word(record: dict[Any, Any]) -> str:
    where = place_name(record["u"], record["layer"])
    return f"{record['block']} at {where} ({_amount(record)})"


def _amount(record: Mapping[Any, Any]) -> str:
    return f"{record['effect']:+.3g} {record['unit_of']}".rstrip()


def archs_words(config: Mapping[str, Any], n: int) -> str:
    """Say which archs the figures of a run are of.

    Examples
    --------
    >>> archs_words({"law": "papers", "limit": "macs_m<=300", "seed": 1}, 5000)
    "5,000 archs drawn by the law 'papers', macs_m<=300, seed 1"
    >>> archs_words({"law": "papers", "labels": "mine.csv"}, 300)
    "300 labelled archs of mine.csv, for the law 'papers'"
    >>> archs_words({"law": "papers", "labels": "mine.csv", "left_out": 20}, 300)
    "300 labelled archs of mine.csv (20 rows of other archs or resolutions left out), for the law 'papers'"
    """
    if config.get("labels"):
        rest = (
            f" ({config['left_out']:,} rows of other archs or resolutions left out)" if config.get("left_out") else ""
        )
        return f"{n:,} labelled archs of {config['labels']}{rest}, for the law '{config['law']}'"
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
    truth: list[str] = []
    chosen: list[str] = []
    alone: list[str] = []
    for name in metrics:
        labels = predictors[name].get("labels")
        if labels and labels["n"]:
            n, worth = labels["n"], round(labels["n_effective"])
            told = f"{n:,} labelled archs{'' if worth == n else f', worth {worth:,}'}"
            _, _, why = labels["how"].partition("; ")
            (chosen if why else truth).append(f"{name} ({'; '.join(filter(None, [told, why]))})")
        elif predictors[name]["provenance"] != "counted":
            alone.append(f"{name} ({labels['how']})" if labels else name)
    parts = {"the truth": truth, "archs chosen as these were": chosen, "the predictor alone": alone}
    words = [f"for {what}: {', '.join(names)}" for what, names in parts.items() if names]
    return f"Intervals hold {'; '.join(words)}." if words else ""
