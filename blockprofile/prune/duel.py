"""Choices against each other at one place: what a choice loses to the best of the others, and how sure that is.

Kernels on plain arrays. The worth of a choice at an exchange rate r is its accuracy less r times its cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.prune.figures import Competition

Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Duel:
    """The closest call that a choice lost, or came closest to losing.

    ``row`` is the choice, ``rival`` the row that beats it there (-1 where none does), ``rate`` the exchange rate of
    the closest call, ``loss`` the worth that the choice lacks there, in accuracy points; ``p_value`` of the loss
    being nothing, at the rate where it is least sure, whichever rival was picked.
    """

    row: int
    rival: int
    rate: float
    loss: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Lines:
    """What depends on the exchange rate: a depth comes with the best blocks for its layers.

    ``gain`` and ``cost``: float64, shape (n_choices, n_rates). ``gain_variance`` and ``cost_variance``, of the same
    shape, are the variances of what the layers add, which a smaller depth shares with a larger one. ``rivals``, shape
    (n_choices,), counts what each choice is compared with: other depths, with any blocks for the layers they have
    more. ``freedom`` are the degrees of freedom of the least known of them all.
    """

    gain: Doubles
    cost: Doubles
    gain_variance: Doubles
    cost_variance: Doubles
    rivals: Doubles
    freedom: float


def p_of_best(score: float, rivals: float, freedom: float) -> float:
    """Return the p-value of the best of several rivals, in accuracy or in cost.

    Each rival could have won in either metric, so the one-sided p-value of Student's t counts twice for each. A
    difference in worth over the sum of its errors is never greater than the greater of both metrics' own scores, at any
    exchange rate: so the rate may have been picked as well, and the two metrics' errors may be related in any way.

    Examples
    --------
    >>> f"{p_of_best(3.0, 8, math.inf):.3f}", p_of_best(0.0, 8, math.inf)
    ('0.022', 1.0)
    """
    from scipy.special import ndtr, stdtr

    tail = ndtr(-score) if math.isinf(freedom) else stdtr(freedom, -score) if freedom > 0 else 0.5
    return min(1.0, 2 * rivals * float(tail))


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
    beyond its floor; the p-value is that of the surest such difference, the choice of rival and metric allowed for.

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
            p_value = p_of_best(float(score[row, rival]), found.n_choices - 1, found.freedom)
            duels.append(Duel(row, rival, 0.0, float(gain[row, rival]), p_value))
    return duels


def outbid(
    found: Competition,
    rates: Doubles,
    *,
    floors: tuple[float, float],
    lines: Lines | None = None,
) -> list[Duel]:
    """Find for each choice how much worth it lacks at the exchange rate that favours it most.

    Parameters
    ----------
    rates
        The exchange rates that the front offers, shape (n_rates,).
    floors
        Of accuracy and cost: a rival that differs by less than the floor in both cannot beat a choice.
    lines
        Accuracy and cost of each choice at each rate, where they depend on it. Left out, they do not.

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
    if lines is None:
        lines = _flat_lines(found)
    gain, cost = lines.gain[None] - lines.gain[:, None], lines.cost[None] - lines.cost[:, None]
    _, _, gain_variance, cost_variance = _differences(found)
    spread = np.sqrt(gain_variance[:, :, None] + np.abs(lines.gain_variance[None] - lines.gain_variance[:, None]))
    spread = spread + rates * np.sqrt(
        cost_variance[:, :, None] + np.abs(lines.cost_variance[None] - lines.cost_variance[:, None])
    )
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
        weakest = float(score[row].max(axis=0).min())
        p_value = p_of_best(weakest, float(lines.rivals[row]), lines.freedom)
        duels.append(Duel(row, rival, float(rates[place]), loss, p_value))
    return duels


def _flat_lines(found: Competition) -> Lines:
    nothing = np.zeros((len(found), 1))
    rivals = np.full(len(found), found.n_choices - 1.0)
    return Lines(found.gain[:, None], found.cost[:, None], nothing, nothing, rivals, found.freedom)


def adjust(p_values: Sequence[float], *, among: Sequence[float] = ()) -> list[float]:
    """Adjust p-values for their number (Benjamini and Hochberg).

    ``among`` is the family, where it is larger: p-values that those to be adjusted are some of, or are no smaller than.

    Examples
    --------
    >>> adjust([0.01, 0.04])
    [0.02, 0.04]
    >>> adjust([0.02], among=[0.01, 0.04, 0.5, 1.0])
    [0.08]
    """
    family = np.sort(np.asarray(among or p_values, np.float64))
    n, p = len(family), np.asarray(p_values, np.float64)
    rank = np.arange(1, n + 1)
    above = np.append(np.minimum.accumulate((n * family / rank)[::-1])[::-1], np.inf)
    below = np.searchsorted(family, p, "right")
    own = n * p / np.maximum(below, 1)
    adjusted: list[float] = np.minimum(1.0, np.minimum(own, above[np.searchsorted(family, p)])).tolist()
    return adjusted
