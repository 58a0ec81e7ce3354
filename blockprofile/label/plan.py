"""Which archs to label: a set that stands for the space, so that no block's effect is blurred by another's.

In a handful of random archs every block meets some others more often than it should, and what those do is counted for
it. A set in which all choices meet all choices equally often has none of that: main effects are told apart from each
other and, as far as the number of archs allows, from pairs.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.predict import number_archs
from blockprofile.profile import Features
from blockprofile.space import Archs, Space, count_archs, draw_archs, list_archs

Doubles = NDArray[np.float64]

CANDIDATES = 20_000
WEIGHT = 0.3
"""What an unbalance of one order more counts by: main effects 0.3, pairs 0.09, and so on."""
PASSES = 2


class _Alike:
    """How alike archs are: product over slots of 1 + weight * (alikeness in the slot); 1 on average over the space."""

    def __init__(self, space: Space, archs: Archs) -> None:
        self._features = Features(space)
        self._rows = self._features(archs)

    def to(self, row: int) -> Doubles:
        """Return how alike every arch is to one of them: shape (n,)."""
        product = np.ones(len(self._rows))
        bounds = self._features.bounds
        for low, high in itertools.pairwise(bounds):
            product *= 1 + WEIGHT * (self._rows[:, low:high] @ self._rows[row, low:high])
        return product


def discrepancy(space: Space, archs: Archs) -> float:
    """Return how far archs are from standing for their space: 0 if all choices meet equally often.

    Notes
    -----
    The squared distance of the archs' mean to the space's, over main effects, pairs and all further interactions, each
    order counting less: a discrete discrepancy.

    References
    ----------
    Hickernell and Liu, Uniform designs limit aliasing, Biometrika 89, 2002. Chen, Welling and Smola, Super-samples
    from kernel herding, UAI 2010.

    Examples
    --------
    >>> from blockprofile.space import load_space
    >>> from blockprofile.space.listing import list_archs
    >>> macro = load_space("nas_bench_macro")
    >>> round(discrepancy(macro, list_archs(macro)[::81]), 3) > round(discrepancy(macro, plan_archs(macro, 81)), 3)
    True
    """
    alike = _Alike(space, archs)
    return float(np.mean([alike.to(row).mean() for row in range(len(archs))])) - 1


def plan_archs(
    space: Space, n: int, *, seed: int = 0, known: Archs | None = None, candidates: Archs | None = None
) -> Archs:
    """Choose archs to label.

    Parameters
    ----------
    n
        How many, at least 1.
    seed
        Of the archs that are chosen from.
    known
        Archs that are labelled already; the new ones stand for the space together with them, and are none of them.
    candidates
        What is chosen from; None takes all of a space of at most 20,000 archs, and draws as many of a larger one by the
        papers' law.

    Returns
    -------
    uint8, shape (n, n_slots), distinct; the first so many are a good choice as well.

    Raises
    ------
    OptionError
        If there are not that many archs.

    Notes
    -----
    Greedy, then each arch in turn is exchanged for a better one: O(n * n_candidates * n_slots), some seconds for 300
    archs.
    """
    known = np.empty((0, space.n_slots), np.uint8) if known is None else known
    if n < 1 or seed < 0:
        raise OptionError(f"--n is {n} and --seed {seed}; at least 1 arch and seed 0 are needed")
    pool = candidates
    if pool is None:
        rng = np.random.default_rng(seed)
        is_small = count_archs(space) <= CANDIDATES
        pool = rng.permutation(list_archs(space)) if is_small else draw_archs(space, CANDIDATES + len(known), rng)
    first, _ = number_archs(np.concatenate([known, pool]))
    rows = np.concatenate([known, pool])[first]
    n_known = int((first < len(known)).sum())
    if n > len(rows) - n_known:
        left = len(rows) - n_known
        raise OptionError(f"--n is {n}; there are {left:,} archs to choose from that are not labelled yet")
    alike = _Alike(space, rows)
    total = np.zeros(len(rows))
    for row in range(n_known):
        total += alike.to(row)
    chosen: list[int] = []
    is_free = np.arange(len(rows)) >= n_known
    for _ in range(n):
        _take(alike, total, is_free, chosen)
    for place in [place for _ in range(PASSES) for place in range(n)]:
        out = chosen[place]
        total -= alike.to(out)
        is_free[out] = True
        better = int(np.argmin(np.where(is_free, total, np.inf)))
        chosen[place] = better
        is_free[better] = False
        total += alike.to(better)
    return np.ascontiguousarray(rows[chosen])


def _take(alike: _Alike, total: Doubles, is_free: NDArray[np.bool_], chosen: list[int]) -> None:
    best = int(np.argmin(np.where(is_free, total, np.inf)))
    chosen.append(best)
    is_free[best] = False
    total += alike.to(best)
