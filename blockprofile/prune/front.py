"""The front as the profile sees it: a sum of responses, and the exchange rates along it.

With every choice adding its own accuracy and cost, an arch that is best at some exchange rate (accuracy points
given for one unit of cost) has at every layer the block that is best at that rate, and in every unit the best
depth. So the front of the model, and what a rule costs it, need no search. Real accuracies do not quite
add up: the certificate says how well the decision stood.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.prune.duel import Lines
from blockprofile.prune.figures import Competition, Figures

Doubles = NDArray[np.float64]
N_RATES = 240


@dataclass(frozen=True, slots=True)
class Rates:
    """The exchange rates that a front offers.

    ``values`` are ascending rates in accuracy points per unit of cost. ``span`` is the accuracy between the ends
    of the model's front, ``worth`` the worth (accuracy less rate times cost) of the best arch at each rate.
    """

    values: Doubles
    span: float
    worth: Doubles

    @property
    def low(self) -> float:
        """The smallest rate: where the front is dearest."""
        return float(self.values[0])

    @property
    def high(self) -> float:
        """The largest rate."""
        return float(self.values[-1])


def _sums(figures: Figures, rates: Doubles) -> tuple[Doubles, Doubles]:
    """Return accuracy and cost of the arch that is best at each rate: float64, shape (n_rates,) each."""
    gain, cost = np.zeros(len(rates)), np.zeros(len(rates))
    for unit in figures.space.units:
        parts = [_best(figures.layers[slot], rates) for slot in unit.layers if slot in figures.layers]
        depths = figures.depths.get(unit.unit)
        if depths is None or len(depths) == 0:
            for part in parts:
                gain, cost = gain + part.gain, cost + part.cost
        else:
            unit_gain, unit_cost = _best_depth(figures, depths, parts, rates)
            gain, cost = gain + unit_gain, cost + unit_cost
        widths = figures.widths.get(unit.unit)
        if widths is not None and len(widths):
            part = _best(widths, rates)
            gain, cost = gain + part.gain, cost + part.cost
    return gain, cost


@dataclass(frozen=True, slots=True)
class Part:
    """What the best choice at one place adds at each rate, with its variances: float64, shape (n_rates,).

    ``n_choices`` and ``freedom`` are the competition's.
    """

    gain: Doubles
    cost: Doubles
    gain_variance: Doubles
    cost_variance: Doubles
    n_choices: int = 1
    freedom: float = math.inf


def _best(found: Competition, rates: Doubles) -> Part:
    if len(found) == 0:
        nothing = np.zeros(len(rates))
        return Part(nothing, nothing, nothing, nothing)
    gain, cost = found.gain, found.cost
    chosen = np.argmax(gain[:, None] - rates * cost[:, None], axis=0)
    variances = np.square(found.gain_se)[chosen], np.square(found.cost_se)[chosen]
    return Part(gain[chosen], cost[chosen], *variances, found.n_choices, found.freedom)


def depth_lines(figures: Figures, depths: Competition, parts: list[Part]) -> Lines:
    """Add to each depth's response what choosing the blocks of its layers adds."""
    assert depths.where.unit is not None
    n_layers = [figures.space.units[depths.where.unit - 1].depths[code] for code in depths.codes]

    def over_layers(name: str) -> Doubles:
        columns = np.stack([getattr(part, name) for part in parts]) if parts else np.zeros((0, 1))
        return np.stack([columns[:depth].sum(axis=0) for depth in n_layers])

    ways = [math.prod(part.n_choices for part in parts[:depth]) for depth in n_layers]
    # A deeper rival may have any blocks in the layers that it has more, and the best were picked.
    rivals = [sum(max(1.0, theirs / mine) for theirs in ways) - 1 for mine in ways]
    others = depths.n_choices - len(depths)
    return Lines(
        depths.gain[:, None] + over_layers("gain"),
        depths.cost[:, None] + over_layers("cost"),
        over_layers("gain_variance"),
        over_layers("cost_variance"),
        np.array(rivals) + others,
        min([depths.freedom, *(part.freedom for part in parts)]),
    )


def _best_depth(figures: Figures, depths: Competition, parts: list[Part], rates: Doubles) -> tuple[Doubles, Doubles]:
    lines = depth_lines(figures, depths, parts)
    chosen = np.argmax(lines.gain - rates * lines.cost, axis=0)
    columns = np.arange(len(rates))
    return lines.gain[chosen, columns], lines.cost[chosen, columns]


def layer_parts(figures: Figures, unit: int, rates: Doubles) -> list[Part]:
    """Return the best block of each of a unit's layers, at each rate."""
    return [
        _best(figures.layers[slot], rates) for slot in figures.space.units[unit - 1].layers if slot in figures.layers
    ]


def support(figures: Figures, rates: Doubles) -> Doubles:
    """Return the worth of the best arch at each rate, in the model: float64, shape (n_rates,)."""
    gain, cost = _sums(figures, rates)
    worth: Doubles = gain - rates * cost
    return worth


def front_rates(figures: Figures, *, tolerance: float) -> Rates:
    """Find the exchange rates that the front of a space offers.

    Parameters
    ----------
    tolerance
        The share of the front's hypervolume that may be given up at each of its ends.

    Returns
    -------
    240 rates, from the dearest accuracy that is worth having to the dearest saving. A profile without any contrast
    has one rate, 0.

    Notes
    -----
    The hypervolume is that of the model's front, up to its own most costly and least accurate arch. At the upper
    end of a front accuracy gets dearer without bound, at the lower end savings do: blocks that serve only
    there would never be dropped if the ends were taken whole.
    """
    everything = np.concatenate([np.zeros(1), np.geomspace(1e-6, 1e6, 4 * N_RATES) * _scale(figures)])
    gain, cost = _sums(figures, everything)
    span = float(gain[0] - gain[-1])
    if span <= 0 or cost[0] <= cost[-1]:
        only = np.zeros(1)
        return Rates(only, max(0.0, span), support(figures, only))
    middle_cost, middle_gain = (cost[1:] + cost[:-1]) / 2, (gain[1:] + gain[:-1]) / 2
    strips = -np.diff(gain) * (cost[0] - middle_cost)
    lost_above = np.concatenate([[0.0], np.cumsum(strips)])
    lost_below = np.concatenate([np.cumsum((-np.diff(cost) * (middle_gain - gain[-1]))[::-1])[::-1], [0.0]])
    first = max(1, int(np.flatnonzero(lost_above <= tolerance * lost_above[-1])[-1]))
    last = max(first, int(np.argmax(lost_below <= tolerance * lost_above[-1])))
    low, high = float(everything[first]), float(everything[last])
    values = np.geomspace(low, high, N_RATES) if high > low else np.array([low])
    return Rates(values, span, support(figures, values))


def _scale(figures: Figures) -> float:
    """Return the typical ratio of accuracy to cost among the choices."""
    found = [c for scope in ("layer", "depth", "width") for c in figures.competitions(scope) if len(c) > 1]
    gain, cost = sum(float(np.ptp(c.gain)) for c in found), sum(float(np.ptp(c.cost)) for c in found)
    return gain / cost if gain > 0 and cost > 0 else 1.0
