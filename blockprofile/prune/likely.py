"""Pruning by what is still open: what may go so that, under almost all accuracies that agree with what is known, the
best arch within every limit of cost stays, or one as good but for a tolerance.

Kernels on plain arrays: archs, their costs, and their accuracy under every draw of
`blockprofile.profile.pair_model.Draws`. Every arch of the space is looked at, so interactions of any two choices count.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Archs, Space

Doubles = NDArray[np.float64]

N_LIMITS = 20
KINDS = ("layer", "depth", "width")
"""What a pruned space can leave out."""


@dataclass(frozen=True, slots=True)
class Drop:
    """A choice that went: its slot and code, the share of draws in which what went so far is missed, and how much is
    missed on average at the limit where it is missed most.
    """

    slot: int
    code: int
    missed: float
    loss: float


def cost_limits(cost: Doubles, n: int = N_LIMITS) -> Doubles:
    """Return limits of cost that hold 1/n, 2/n, ... of the archs: float64, shape (n,), ascending.

    Examples
    --------
    >>> cost_limits(np.arange(1.0, 101.0), 4).tolist()
    [25.0, 50.0, 75.0, 100.0]
    """
    ordered = np.sort(cost)
    places = np.ceil(np.arange(1, n + 1) / n * len(ordered)).astype(np.int64) - 1
    return np.asarray(ordered[places], np.float64)


def best_within(values: Doubles, cost: Doubles, limits: Doubles) -> Doubles:
    """Find the greatest value within every limit of cost.

    Parameters
    ----------
    values
        Shape (..., n_archs).
    cost
        Of every arch, ascending, shape (n_archs,).
    limits
        Ascending, shape (n_limits,).

    Returns
    -------
    Shape (..., n_limits); -inf where no arch is within.

    Examples
    --------
    >>> best_within(np.array([3.0, 1.0, 5.0]), np.array([1.0, 2.0, 3.0]), np.array([0.5, 2.5, 3.0])).tolist()
    [-inf, 3.0, 5.0]
    """
    ends = np.searchsorted(cost, limits, side="right")
    padded = np.concatenate([np.full((*values.shape[:-1], 1), -np.inf), values], axis=-1)
    return np.asarray(np.maximum.accumulate(padded, axis=-1)[..., ends], np.float64)


def prune_by_draws(
    space: Space,
    archs: Archs,
    cost: Doubles,
    values: Doubles,
    *,
    tolerance: float,
    risk: float,
    keep: int = 1,
    limits: Doubles | None = None,
) -> tuple[tuple[tuple[int, ...], ...], tuple[Drop, ...]]:
    """Drop choices, the least missed one first, as long as few draws miss more than a tolerance at any limit.

    Parameters
    ----------
    space
        The space that the archs are all of.
    archs, cost
        uint8 (n_archs, n_slots), and their cost.
    values
        Their accuracy under every draw, shape (n_draws, n_archs).
    tolerance
        What the best arch within a limit may lose.
    risk
        The share of draws in which it may lose more, at some limit.
    keep
        Choices that stay in every slot that has as many.
    limits
        Of cost; None takes `cost_limits`.

    Returns
    -------
    The codes that stay, slot by slot, and what went, in order.

    Notes
    -----
    Greedy, and lazy: what a choice's loss costs can only grow as others go, so a figure of an earlier round is a bound,
    and a choice that is missed too often once is missed for good. O(n_draws * n_archs) for each of some dozens of
    trials. A unit's depths go at their ends only.

    References
    ----------
    Minoux, Accelerated greedy algorithms for maximizing submodular set functions, 1978.
    """
    limits = cost_limits(cost) if limits is None else limits
    order = np.argsort(cost, kind="stable")
    left, prices, worth = archs[order], cost[order], values[:, order]
    whole = best_within(worth, prices, limits)
    allowed = [list(codes) for codes in space.allowed]

    def try_without(slot: int, code: int) -> tuple[float, float]:
        others = np.flatnonzero(left[:, slot] != code)
        lost = np.max(whole - best_within(worth[:, others], prices[others], limits), axis=1)
        return float(np.mean(lost > tolerance)), float(np.maximum(lost, 0.0).mean())

    drops: list[Drop] = []
    may_go = [slot.index for slot in space.slots if slot.kind in KINDS]
    waiting = [(0.0, 0.0, slot, code) for slot in may_go for code in allowed[slot]]
    heapify(waiting)
    while waiting:
        _, _, slot, code = heappop(waiting)
        codes = allowed[slot]
        if code not in codes or len(codes) <= max(keep, 1) or not (left[:, slot] == code).any():
            continue  # The last: of layers that no depth reaches there is nothing to leave out.
        if space.slots[slot].kind == "depth" and code not in (codes[0], codes[-1]):
            continue  # It comes back when it is at an end.
        missed, loss = try_without(slot, code)
        if missed > risk:
            continue
        if waiting and (missed, loss) > waiting[0][:2]:
            heappush(waiting, (missed, loss, slot, code))
            continue
        codes.remove(code)
        kept = left[:, slot] != code
        left, prices, worth = left[kept], prices[kept], worth[:, kept]
        drops.append(Drop(slot, code, missed, loss))
        if space.slots[slot].kind == "depth":
            for end in (codes[0], codes[-1]):
                heappush(waiting, (missed, loss, slot, end))
    return tuple(tuple(codes) for codes in allowed), tuple(drops)
