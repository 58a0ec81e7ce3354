"""Factors in the report: what each step does, unit by unit, which steps interact, and a sentence on both."""

from __future__ import annotations

import numpy as np

from blockprofile.plot import FactorEffects, factor_data, is_of_structure, metric_label, metric_title
from blockprofile.profile import Profile, Statistic, step_words
from blockprofile.report.document import Cell, Part, Section, Table, Text
from blockprofile.report.maps import digits_of

_EXPLAINED = (
    "A step compares blocks that differ in one factor alone, averaged over the layers of a unit, and over the units. "
    "Pairs say what two steps do together beyond what each does alone. Red is more, blue is less; faint cells are "
    "below noise or the predictor's own error; a cell's tip has its 95 % interval. Blocks that differ from all others "
    "in two factors at once are in no step."
)

_SHOWN: tuple[tuple[Statistic, str], ...] = (("M_factor", "steps"), ("M_pair", "pairs"))


def factor_sections(profile: Profile, metrics: list[str], elsewhere: str) -> list[Section]:
    """Make the section of factors; none where the profile has no steps."""
    parts: list[Part] = [
        _table(data, title=f"{metric_label(metric, data.unit)}: {what} of {_parts(data)}")
        for metric in metrics
        for statistic, what in _SHOWN
        for data in factor_data(profile, metric, statistic=statistic)
    ]
    return [Section("factors", "Factors", (Text(_EXPLAINED), *parts), elsewhere)] if parts else []


def _parts(data: FactorEffects) -> str:
    """Say what the steps of a table are of."""
    structure = any(is_of_structure(part) for part in data.steps[0].split(" x "))
    return "widths, depths and skips" if structure else "blocks"


def _table(data: FactorEffects, *, title: str) -> Table:
    bound = float(np.nanmax(np.abs(data.effects), initial=0.0)) or 1.0
    digits = digits_of(data.effects)
    rows = []
    for row, step in enumerate(data.steps):
        cells = [Cell(step_words(step))]
        for column, unit in enumerate(data.units):
            effect = float(data.effects[row, column])
            if np.isnan(effect):
                cells.append(Cell("·", is_faint=True))
                continue
            known = bool(data.is_effect[row, column])
            where = f"in unit {unit}" if unit else "over the network"
            ends = f"{data.low[row, column]:+.{digits + 1}f} to {data.high[row, column]:+.{digits + 1}f}"
            tip = f"{step_words(step)} {where}: {effect:+.{digits + 1}f} {data.unit} (95 % interval {ends})"
            tip += "" if known else "\nbelow noise or the predictor's error"
            cells.append(Cell(f"{effect:+.{digits}f}", effect, effect / bound, tip, not known))
        rows.append(tuple(cells))
    columns = ("step", *(f"unit {unit}" if unit else "network" for unit in data.units))
    return Table(title, columns, tuple(rows), is_map=True)


def about_factors(profile: Profile, metrics: list[str]) -> str:
    """Say which step of a block's factor changes each metric most over the network, where, and what interacts most.

    Returns
    -------
    One sentence for each metric, of effects beyond noise and floor alone; empty where the profile has no steps.
    """
    return " ".join(filter(None, (_about(profile, metric) for metric in metrics)))


def _about(profile: Profile, metric: str) -> str:
    steps = profile.rows("M_factor", metric)
    steps = steps[~steps["block"].map(is_of_structure).astype(bool)]
    if steps.empty:
        return ""
    known = steps[(steps["u"] == 0) & steps["is_effect"]]
    if known.empty:
        return f"No factor of the blocks changes {metric_title(metric)} beyond noise and the predictor's own error."
    unit = {"percent": "points", "%": "points"}.get(str(steps["unit_of"].iloc[0]), str(steps["unit_of"].iloc[0]))
    most = known.iloc[int(known["effect"].abs().argmax())]
    size = f"{most['effect']:+.3g} {unit} at a place"
    told = f"Of the blocks' factors, {step_words(most['block'])} changes {metric_title(metric)} most ({size}"
    units = steps[(steps["block"] == most["block"]) & (steps["u"] > 0) & steps["is_effect"]]
    if len(units) > 1:
        place = units.iloc[int(units["effect"].abs().argmax())]
        told += f"; in unit {place['u']} {place['effect']:+.3g}"
    pairs = profile.rows("M_pair", metric)
    pairs = pairs[pairs["u"] == 0]
    if pairs.empty:
        return f"{told})."
    sure = pairs[pairs["is_effect"]]
    if sure.empty:
        return f"{told}); no two factors interact beyond noise and the predictor's own error."
    pair = sure.iloc[int(sure["effect"].abs().argmax())]
    names = " and ".join(map(step_words, pair["block"].split(" x ")))
    return f"{told}); {names} interact most ({pair['effect']:+.3g} {unit} together beyond what each does alone)."
