"""The smallest and the largest value of an additive metric over a space, and archs that take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.chain import Chain, build_chain
from blockprofile.space import INACTIVE, Archs, Factor, Space


def remaining_extremes(chain: Chain, costs: Sequence[NDArray[np.generic]], *, largest: bool) -> list[NDArray]:  # type: ignore[type-arg]
    """Return the smallest or largest sum of the costs still to come, in every state.

    Parameters
    ----------
    costs
        For each step one number for each move.

    Returns
    -------
    For each step the values of its sources, and at last the one of the end; of the costs' dtype.
    """
    pick = np.maximum if largest else np.minimum
    found = [np.zeros(1, costs[-1].dtype)]
    for step, cost in zip(reversed(chain.steps), reversed(costs), strict=True):
        starts = np.searchsorted(step.source, np.arange(step.n_sources))
        found.append(pick.reduceat(cost + found[-1][step.target], starts))
    return found[::-1]


def _costs(chain: Chain) -> list[NDArray[np.float64]]:
    return [step.cost[0] for step in chain.steps]


def feasible_range(space: Space, factors: Sequence[Factor]) -> tuple[float, float]:
    """Return the smallest and the largest value of an additive metric over a space, exactly.

    Raises
    ------
    OptionError
        If the factors couple too many slots.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> moga = load_space("moga")
    >>> [round(value, 1) for value in feasible_range(moga, factorize(moga, lambda op: op.macs / 1e6))]
    [153.0, 364.5]
    """
    chain = build_chain(space, [factors])
    low, high = (float(remaining_extremes(chain, _costs(chain), largest=sense)[0][0]) for sense in (False, True))
    return low + float(chain.constant[0]), high + float(chain.constant[0])


def _extreme_arch(space: Space, factors: Sequence[Factor], *, largest: bool) -> Archs:
    chain = build_chain(space, [factors])
    costs = _costs(chain)
    rest = remaining_extremes(chain, costs, largest=largest)
    arch = np.full(space.n_slots, INACTIVE, np.uint8)
    state = 0
    for step, cost, after in zip(chain.steps, costs, rest[1:], strict=True):
        moves = np.flatnonzero(step.source == state)
        value = cost[moves] + after[step.target[moves]]
        move = moves[value.argmax() if largest else value.argmin()]
        code = int(step.code[move])
        if code < step.slot.n_choices:
            arch[step.slot.index] = code
        state = int(step.target[move])
    return arch


def min_arch(space: Space, factors: Sequence[Factor]) -> Archs:
    """Return an arch with the smallest value of an additive metric; of several the one with the first codes.

    Returns
    -------
    uint8, shape (n_slots,).
    """
    return _extreme_arch(space, factors, largest=False)


def max_arch(space: Space, factors: Sequence[Factor]) -> Archs:
    """Return an arch with the largest value of an additive metric; of several the one with the first codes.

    Returns
    -------
    uint8, shape (n_slots,).
    """
    return _extreme_arch(space, factors, largest=True)
