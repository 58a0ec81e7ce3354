"""How a decision is told: figures with their signs and units, and sentences for each verdict."""

from __future__ import annotations

import math

from blockprofile.prune.duel import Duel
from blockprofile.prune.figures import Competition, Figures, Metric

_SHORT = {"%": "%", "percent": "%"}


def signed(value: float, unit: str) -> str:
    """Write a difference with its sign and unit.

    Examples
    --------
    >>> signed(-0.03125, "%"), signed(1.3, "ms"), signed(0.00041, "ms")
    ('-0.031 %', '+1.3 ms', '+0.00041 ms')
    """
    small = 1 - math.floor(math.log10(abs(value))) if 1e-9 < abs(value) < 5e-4 else 3
    digits = small if abs(value) < 1 else 2 if abs(value) < 10 else 1
    text = f"{value:+.{digits}f}"
    if "." in text and digits < 3:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {_SHORT.get(unit, unit)}".rstrip()


def rate_unit(gain: Metric, cost: Metric) -> str:
    """Write the unit of an exchange rate, such as ``%/ms``."""
    return f"{_SHORT.get(gain.unit, gain.unit)}/{cost.unit or '1'}"


def contrast(figures: Figures, found: Competition, duel: Duel) -> str:
    """Say what a choice gains and costs against its rival, such as ``+0.004 % for +1.84 ms against e6k5``."""
    gain = signed(float(found.gain[duel.row] - found.gain[duel.rival]), figures.gain.unit)
    cost = signed(float(found.cost[duel.row] - found.cost[duel.rival]), figures.cost.unit)
    return f"{gain} for {cost} against {rival_name(found, duel)}"


def rival_name(found: Competition, duel: Duel) -> str:
    """Name the rival: a block, or a depth in words."""
    name = found.names[duel.rival]
    return f"{found.kind} {name}" if found.kind != "block" else name
