"""What a profile says, in a few sentences; every name and number in them is looked up in its table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.plot import metric_title
from blockprofile.profile import Profile, Statistic
from blockprofile.report.factors import about_factors
from blockprofile.space import place_name

MOST_NAMED = 3
_COSTS = (LATENCY, "macs_m", "flops_m", "params_m")


@dataclass(frozen=True, slots=True)
class Goals:
    """What is wanted of an arch (``gain``, more is better; None if not there) and what it costs."""

    gain: str | None
    cost: str | None


def find_goals(metrics: list[str]) -> Goals:
    """Choose gain and cost among a profile's metrics: accuracy, and a latency before multiply-adds and parameters.

    Examples
    --------
    >>> find_goals(["top1_percent", "macs_m", "latency_ms:note10"])
    Goals(gain='top1_percent', cost='latency_ms:note10')
    """
    costs = [metric for kind in _COSTS for metric in metrics if parse_metric(metric).column == kind]
    gains = [metric for metric in metrics if parse_metric(metric).column == ACCURACY]
    return Goals(gains[0] if gains else None, costs[0] if costs else None)


def _rows(profile: Profile, statistic: Statistic, metric: str | None) -> list[dict[str, Any]]:
    rows = profile.rows(statistic, metric)
    return [{str(key): value for key, value in row.items()} for row in rows.to_dict("records")]


def _unit(profile: Profile, metric: str) -> str:
    unit = profile.unit(metric)
    return {"percent": "points", "%": "points"}.get(unit, unit)


def _short(value: float, *, sign: bool = False) -> str:
    """Write a number with three digits, or as a whole one from 1,000 on."""
    plus = "+" if sign else ""
    return f"{value:{plus},.0f}" if abs(value) >= 1000 else f"{value:{plus}.3g}"


def list_dominated(profile: Profile, goals: Goals) -> dict[str, str]:
    """Find blocks that another block beats in gain and cost alike, on average over their layers.

    Returns
    -------
    Block -> the beating block of the largest gain. Both differences exceed the floor and twice their standard
    error, taken as if the two estimates were independent.
    """
    if goals.gain is None or goals.cost is None:
        return {}
    gain = {row["block"]: row for row in _rows(profile, "M_b", goals.gain)}
    cost = {row["block"]: row for row in _rows(profile, "M_b", goals.cost)}
    beaten: dict[str, str] = {}
    for block, mine in gain.items():
        best = 0.0
        for other, theirs in gain.items():
            more = _sure(theirs, mine)
            if more > best and _sure(cost[block], cost[other]) > 0:
                best, beaten[block] = more, other
    return beaten


def _sure(high: dict[str, Any], low: dict[str, Any]) -> float:
    """Return by how much ``high`` exceeds ``low``; 0 if that is within noise or floor."""
    difference = float(high["effect"] - low["effect"])
    noise = 2 * math.hypot(high["se"], low["se"])
    return difference if difference > max(noise, 0.0 if math.isnan(high["floor"]) else high["floor"]) else 0.0


def answer_profile(profile: Profile) -> tuple[str, ...]:
    """Say what a profile found: blocks, places, factors, depths or the share of effects that are real."""
    goals = find_goals(profile.metrics)
    wanted = [metric for metric in (goals.gain, goals.cost) if metric]
    sentences = [
        _about_blocks(profile, goals), _about_places(profile, goals), about_factors(profile, wanted),
        _about_depths(profile, goals),
    ]  # fmt: skip
    return tuple(sentence for sentence in sentences if sentence)


def _size(row: dict[str, Any], unit: str) -> str:
    """Write an effect with the half-width of its 95 % interval, where it has one with an end."""
    half = (row["ci_high"] - row["ci_low"]) / 2
    error = f" ± {half:.2g}" if 0 < half < math.inf else ""
    return f"{_short(row['effect'], sign=True)}{error} {unit}"


def _near(names: list[str]) -> str:
    """Say which blocks are as good, as far as noise and floor tell."""
    if not names:
        return ""
    told = ", ".join(names) if len(names) <= MOST_NAMED else f"{len(names)} others"
    return f"; not told apart from {told}"


def _about_blocks(profile: Profile, goals: Goals) -> str:
    words = []
    if goals.gain:
        rows = _rows(profile, "M_b", goals.gain)
        row = max(rows, key=lambda row: row["effect"])
        size = f"{_size(row, _unit(profile, goals.gain))} against the average block"
        near = _near([other["block"] for other in rows if other is not row and not _sure(row, other)])
        words.append(f"{row['block']} adds most to {metric_title(goals.gain)} ({size}{near})")
    if goals.cost:
        rows = _rows(profile, "M_b", goals.cost)
        row = min(rows, key=lambda row: row["effect"])
        near = _near([other["block"] for other in rows if other is not row and not _sure(other, row)])
        size = f"{_size(row, _unit(profile, goals.cost))}{near}"
        words.append(f"{row['block']} costs least {metric_title(goals.cost)} ({size})")
    beaten = list_dominated(profile, goals)
    told = ", ".join(f"{block} (by {by})" for block, by in beaten.items())
    tail = f"; beaten in both by another block on average: {told}" if told else ""
    if not told and goals.gain and goals.cost:
        tail = "; no block is beaten in both by another on average"
    return f"Of the blocks, {' and '.join(words)}{tail}." if words else ""


def _about_places(profile: Profile, goals: Goals) -> str:
    words = []
    for metric in (goals.gain, goals.cost):
        places: dict[tuple[int, int], list[dict[str, Any]]] = {}
        for row in _rows(profile, "M_ulb", metric):
            places.setdefault((row["u"], row["layer"]), []).append(row)
        ends = {
            place: (max(rows, key=_effect), min(rows, key=_effect))
            for place, rows in places.items()
            if any(row["is_effect"] for row in rows)
        }
        if metric is None or not ends:
            continue
        (unit, layer), (high, low) = max(ends.items(), key=lambda item: _effect(item[1][0]) - _effect(item[1][1]))
        error = f" ± {2 * math.hypot(high['se'], low['se']):.2g}" if high["se"] or low["se"] else ""
        size = (
            f"{_short(_effect(high) - _effect(low))}{error} {_unit(profile, metric)} between its best and worst block"
        )
        words.append(f"for {metric_title(metric)} at {place_name(unit, layer)} ({size})")
    return f"Which block is chosen matters most {' and '.join(words)}." if words else ""


def _effect(row: dict[str, Any]) -> float:
    return float(row["effect"])


def _about_depths(profile: Profile, goals: Goals) -> str:
    gain, cost = _spans(profile, goals.gain), _spans(profile, goals.cost)
    rates = {unit: gain[unit] / cost[unit] for unit in gain if cost.get(unit, 0.0) > 0}
    if goals.gain is None or goals.cost is None or not rates:
        effects = [row for metric in (goals.gain, goals.cost) for row in _rows(profile, "M_ulb", metric)]
        known = sum(bool(row["is_effect"]) for row in effects)
        beyond = "are beyond noise and the predictors' own error"
        return f"{known:,} of {len(effects):,} effects of a block at a layer {beyond}."
    ends = max(rates, key=lambda unit: rates[unit]), min(rates, key=lambda unit: rates[unit])
    more, paid = _unit(profile, goals.gain), _unit(profile, goals.cost)
    words = [
        f"in unit {unit} ({_short(gain[unit], sign=True)} {more} for {_short(cost[unit], sign=True)} {paid})"
        for unit in ends
    ]
    return f"Going from the smallest to the greatest depth pays most {words[0]} and least {words[1]}."


def _spans(profile: Profile, metric: str | None) -> dict[int, float]:
    """Return by how much a metric differs between each unit's greatest and smallest depth."""
    rows = sorted(_rows(profile, "M_d", metric), key=lambda row: row["depth"])
    units: dict[int, list[float]] = {}
    for row in rows:
        units.setdefault(row["u"], []).append(row["effect"])
    return {unit: effects[-1] - effects[0] for unit, effects in units.items()}
