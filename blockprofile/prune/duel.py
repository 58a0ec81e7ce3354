"""Choices against each other at one place: what a choice loses to the best of the others, and how sure that is.

Kernels on plain arrays. The worth of a choice at an exchange rate r is its accuracy less r times its cost.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.prune.figures import Competition

__all__ = ["Duel", "adjust", "dominating", "outbid"]

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Duel:
    """The closest call that a choice lost, or came closest to losing.

    ``row`` is the choice, ``rival`` the row that beats it there (-1 where none does), ``rate`` the exchange rate of
    the closest call, ``loss`` the worth that the choice lacks there, in accuracy points; ``p_value`` of the loss
    being nothing, at the rate where it is least sure.
    """

    row: int
    rival: int
    rate: float
    loss: float
    p_value: float


def _p_values(score: Doubles) -> Doubles:
    from scipy.special import ndtr

    p: Doubles = np.asarray(2.0 * ndtr(-np.abs(score)), np.float64)
    return p


def _differences(found: Competition) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Return rival less choice, shape (choice, rival): accuracy, cost, and the variances of both."""
    gain = found.gain[None, :] - found.gain[:, None]
    cost = found.cost[None, :] - found.cost[:, None]
    gain_variance = np.square(found.gain_se)[None, :] + np.square(found.gain_se)[:, None]
    cost_variance = np.square(found.cost_se)[None, :] + np.square(found.cost_se)[:, None]
    return gain, cost, gain_variance, cost_variance


def _beyond_floor(gain: Doubles, cost: Doubles, floors: tuple[float, float]) -> NDArray[np.bool_]:
    return np.asarray((np.abs(gain) > floors[0]) | (np.abs(cost) > floors[1]))


def dominating(found: Competition, *, floors: tuple[float, float]) -> list[Duel]:
    """Find for each choice the rival that dominates it most surely.

    A rival dominates that is at least as accurate and at least as cheap, where one of the two differences is
    beyond its floor; the p-value is that of the surest such difference.

    Returns
    -------
    One duel for each choice; ``rival`` -1 where nothing dominates. ``rate`` is 0 and ``loss`` the accuracy that the
    rival has more.

    Notes
    -----
    O(n_choices^2). A dominated choice is dominated by one that is itself dominated by none (or by an equal one,
    of which the first in order stays).
    """
    if len(found) == 0:
        return []
    gain, cost, gain_variance, cost_variance = _differences(found)
    better = (gain >= 0) & (cost <= 0) & _beyond_floor(gain, cost, floors)
    with np.errstate(divide="ignore", invalid="ignore"):
        gain_score = np.where(gain > floors[0], gain / np.sqrt(gain_variance), 0.0)
        cost_score = np.where(-cost > floors[1], -cost / np.sqrt(cost_variance), 0.0)
    score = np.where(better, np.maximum(gain_score, cost_score), -1.0)
    duels = []
    for row in range(len(found)):
        rival = int(np.argmax(score[row]))
        if score[row, rival] <= 0:
            duels.append(Duel(row, -1, 0.0, 0.0, 1.0))
        else:
            p_value = float(_p_values(score[row, rival : rival + 1])[0])
            duels.append(Duel(row, rival, 0.0, float(gain[row, rival]), p_value))
    return duels


def outbid(
    found: Competition,
    rates: Doubles,
    *,
    floors: tuple[float, float],
    lines: tuple[Doubles, Doubles] | None = None,
) -> list[Duel]:
    """Find for each choice how much worth it lacks at the exchange rate that favours it most.

    Parameters
    ----------
    found
        The choices.
    rates
        The exchange rates that the front offers, shape (n_rates,).
    floors
        Of accuracy and cost: a rival that differs by less than the floor in both cannot beat a choice.
    lines
        Accuracy and cost of each choice at each rate, shape (n_choices, n_rates), where they depend on it (a depth
        comes with the best blocks for its layers). Left out, they do not.

    Returns
    -------
    One duel for each choice. ``loss`` is the least, over the rates, of what the best rival is worth more; at or below
    0 the choice is best somewhere, ``rival`` is then -1, and ``rate`` is where it stands best.

    Notes
    -----
    O(n_choices^2 * n_rates).
    """
    if len(found) == 0:
        return []
    gains, costs = (found.gain[:, None], found.cost[:, None]) if lines is None else lines
    gain, cost = gains[None] - gains[:, None], costs[None] - costs[:, None]
    _, _, gain_variance, cost_variance = _differences(found)
    spread = np.sqrt(gain_variance[:, :, None] + np.square(rates) * cost_variance[:, :, None])
    worth = np.where(_beyond_floor(gain, cost, floors), gain - rates * cost, -np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        score = np.where(worth > 0, worth / spread, 0.0)
    duels = []
    for row in range(len(found)):
        best = worth[row].max(axis=0)
        place = int(np.argmin(best))
        rival, loss = int(np.argmax(worth[row, :, place])), float(best[place])
        if not loss > 0:
            duels.append(Duel(row, -1, float(rates[place]), loss if math.isfinite(loss) else 0.0, 1.0))
            continue
        weakest = score[row].max(axis=0).min(keepdims=True)
        duels.append(Duel(row, rival, float(rates[place]), loss, float(_p_values(weakest)[0])))
    return duels


def adjust(p_values: list[float]) -> list[float]:
    """Adjust p-values for their number (Benjamini and Hochberg).

    Examples
    --------
    >>> adjust([0.01, 0.04])
    [0.02, 0.04]
    """
    if not p_values:
        return []
    from scipy.stats import false_discovery_control

    adjusted: list[float] = false_discovery_control(np.array(p_values)).tolist()
    return adjusted
