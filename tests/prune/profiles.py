"""Profile tables that are made up: any effects, for any space, in the columns that profiles have."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from blockprofile.additive.targets import block_label
from blockprofile.space import Space

Effect = Callable[[int, int, str], float]
"""Unit, layer, block -> effect."""
DepthEffect = Callable[[int, int], float]
"""Unit, depth -> effect."""

GAIN, COST = "top1_percent", "latency_ms:toy"


def _rows(
    space: Space, metric: str, effect: Effect, depth: DepthEffect, se: float, top: Effect | None
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{"statistic": "mean", "value": 70.0, "effect": math.nan, "se": 0.0, "n": 1000}]
    for slot in space.layer_slots:
        unit = space.units[slot.unit - 1]
        widths: tuple[int | None, ...] = (None,) if unit.width is None else space.allowed[unit.width]
        for width in widths:
            for code in space.allowed[slot.index]:
                label = block_label(space, code, width, slot.unit)
                place = {"u": slot.unit, "layer": slot.place[1], "block": label, "se": se, "n": 100}
                rows.append({"statistic": "M_ulb", "effect": effect(slot.unit, slot.layer, label), **place})
                if top is not None:
                    figures = {"tau": 0.95, "effect": top(slot.unit, slot.layer, label)}
                    rows.append({"statistic": "M_tau", **place, **figures})
    for unit in space.units:
        if unit.depth is not None:
            rows += [
                {"statistic": "M_d", "u": unit.unit, "depth": d, "effect": depth(unit.unit, d), "se": se, "n": 100}
                for d in space.unit_depths(unit.unit)
            ]
    return [{"metric": metric, **row} for row in rows]


def made_up(
    space: Space,
    *,
    gain: Effect,
    cost: Effect,
    depth_gain: DepthEffect = lambda _u, d: 0.3 * d,
    depth_cost: DepthEffect = lambda _u, d: 1.0 * d,
    se: float = 1e-4,
    floors: Mapping[str, float] | None = None,
    top: Effect | None = None,
) -> pd.DataFrame:
    """Make a profile table of one accuracy and one cost from given effects."""
    rows = _rows(space, GAIN, gain, depth_gain, se, top) + _rows(space, COST, cost, depth_cost, se, None)
    table = pd.DataFrame(rows)
    table["unit_of"] = np.where(table["metric"] == GAIN, "%", "ms")
    table["provenance"] = "measured"
    table["floor"] = table["metric"].map(floors or {GAIN: 0.0, COST: 0.0})
    for column in ("u", "layer", "depth"):
        table[column] = table[column].fillna(0).astype(int)
    table["block"] = table["block"].fillna("")
    if "tau" not in table:
        table["tau"] = math.nan
    return table


def by_block(values: Mapping[str, float]) -> Effect:
    """Give a block the same effect at every place; a width in front of it is ignored."""
    return lambda _unit, _layer, block: values[block.partition(":")[2] or block]
