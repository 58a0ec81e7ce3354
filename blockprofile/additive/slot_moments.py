"""Exact means and variances of additive metrics, whole and given what one slot holds.

One sweep from the front and one from the back over a `Chain` give, for every move, the moments of the metric
over all archs that make that move. No arch is drawn and none is listed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.chain import Chain, Step, build_chain
from blockprofile.space import Factor, Law, Slot, Space

_Sweep = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Mass (n_states,), first and second moment (n_metrics, n_states) of a partial sum."""


@dataclass(frozen=True, slots=True)
class SlotMoments:
    """Moments given a slot's code, and for a layer given its unit's depth and width as well.

    Parameters
    ----------
    probability
        Shape (n_depths, n_widths, n_codes): the probability of the unit's depth code and width code and of the
        slot's code together. n_depths and n_widths are 1 where they are fixed and for slots that are no
        layers. A layer has one code more than it has blocks: inactive.
    mean, variance
        Shape (n_metrics, n_depths, n_widths, n_codes); NaN where the probability is 0.
    """

    slot: Slot
    probability: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ExactMoments:
    """Mean and variance of each metric, shape (n_metrics,), and the moments given each slot."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    slots: tuple[SlotMoments, ...]


def exact_moments(space: Space, sums: Sequence[Sequence[Factor]], *, law: Law = "papers") -> ExactMoments:
    """Compute means and variances of additive metrics over all archs of a space, exactly.

    Parameters
    ----------
    sums
        The factors of each metric.

    Raises
    ------
    OptionError
        If the factors couple too many slots; see `build_chain`.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> moga = load_space("moga")
    >>> found = exact_moments(moga, [factorize(moga, lambda op: op.macs / 1e6)])
    >>> round(float(found.mean[0]), 2), round(float(found.variance[0]) ** 0.5, 2)
    (246.83, 22.88)
    """
    chain, mean = _centre(build_chain(space, sums, law=law))
    before, after = _forward(chain), _backward(chain)
    _, first, second = before[-1]
    slots = tuple(
        _slot_moments(space, step, (before[place], after[place + 1]), mean) for place, step in enumerate(chain.steps)
    )
    return ExactMoments(mean, np.maximum(second[:, 0] - first[:, 0] ** 2, 0.0), slots)


def _centre(chain: Chain) -> tuple[Chain, NDArray[np.float64]]:
    """Take each step's expected cost off its moves, so that squares stay small; return the means as well."""
    mass: NDArray[np.float64] = np.ones(1)
    mean = chain.constant.copy()
    steps = []
    for step in chain.steps:
        moved = mass[step.source] * step.probability
        expected = step.cost @ moved
        mean += expected
        steps.append(replace(step, cost=step.cost - expected[:, None]))
        mass = np.bincount(step.target, weights=moved, minlength=step.n_targets).astype(np.float64)
    return replace(chain, steps=tuple(steps), constant=np.zeros_like(mean)), mean


def _moves(step: Step, start: _Sweep, add: NDArray[np.float64], state: NDArray[np.intp]) -> _Sweep:
    """Carry moments of a partial sum along every move: mass, first and second moment for each move."""
    mass, first, second = (part[..., state] for part in start)
    weight = step.probability
    moved = weight * (second + 2 * add * first + add * add * mass)
    return weight * mass, weight * (first + add * mass), moved


def _collect(moves: _Sweep, state: NDArray[np.intp], n_states: int) -> _Sweep:
    mass, first, second = moves
    return _sum_by(mass[None], state, n_states)[0], _sum_by(first, state, n_states), _sum_by(second, state, n_states)


def _sum_by(values: NDArray[np.float64], group: NDArray[np.intp], n: int) -> NDArray[np.float64]:
    return np.stack([np.bincount(group, weights=row, minlength=n) for row in values])


def _start(n_metrics: int) -> _Sweep:
    return np.ones(1), np.zeros((n_metrics, 1)), np.zeros((n_metrics, 1))


def _forward(chain: Chain) -> list[_Sweep]:
    """Moments of the sum so far, in each state before each step and after the last; they carry its mass."""
    sweeps = [_start(len(chain.constant))]
    for step in chain.steps:
        sweeps.append(_collect(_moves(step, sweeps[-1], step.cost, step.source), step.target, step.n_targets))
    return sweeps


def _backward(chain: Chain) -> list[_Sweep]:
    """Moments of the sum still to come, given each state before each step and after the last."""
    sweeps = [_start(len(chain.constant))]
    for step in reversed(chain.steps):
        sweeps.append(_collect(_moves(step, sweeps[-1], step.cost, step.target), step.source, step.n_sources))
    return sweeps[::-1]


def _slot_moments(space: Space, step: Step, around: tuple[_Sweep, _Sweep], mean: NDArray[np.float64]) -> SlotMoments:
    slot = step.slot
    shape = cell_shape(space, slot)
    mass, first, second = _moves(step, around[0], step.cost, step.source)
    _, later, later_second = (part[..., step.target] for part in around[1])
    whole = (mass, first + mass * later, second + 2 * first * later + mass * later_second)
    totals = _collect(whole, np.ravel_multi_index((step.depth, step.width, step.code), shape), math.prod(shape))
    probability, sum_first, sum_second = (part.reshape(*part.shape[:-1], *shape) for part in totals)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = sum_first / probability
        spread = np.maximum(sum_second / probability - given**2, 0.0)
    return SlotMoments(slot, probability, given + mean[:, None, None, None], spread)


def cell_shape(space: Space, slot: Slot) -> tuple[int, int, int]:
    """Return (n_depths, n_widths, n_codes) of the cells of a slot; see `SlotMoments`."""
    if slot.kind != "layer":
        return 1, 1, slot.n_choices
    unit = space.units[slot.unit - 1]
    n_widths = 1 if unit.width is None else space.slots[unit.width].n_choices
    return 1 if unit.depth is None else len(unit.depths), n_widths, slot.n_choices + 1


def mix(
    weights: NDArray[np.float64], means: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and variance of a mixture, over the last axis; entries of weight 0 are left out.

    Weights add up to 1 along the last axis.
    """
    used = weights > 0
    means, variances = np.where(used, means, 0.0), np.where(used, variances, 0.0)
    mean = (weights * means).sum(axis=-1)
    spread = (weights * (variances + np.where(used, means - mean[..., None], 0.0) ** 2)).sum(axis=-1)
    return mean, spread
