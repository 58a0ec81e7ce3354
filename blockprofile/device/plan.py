"""Which whole networks to time: few that hold every operator of a space, or those that tell the operators apart best.

`cover_archs` is for tools that time every node: each operator must stand in one of the networks. `plan_archs` is for
devices on which only whole networks can be timed: a table is solved from them (`blockprofile.device.solve`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.device.audit_archs import draw_skewed
from blockprofile.device.solve import count_operators
from blockprofile.errors import OptionError
from blockprofile.predict import lookup_key
from blockprofile.space import INACTIVE, Archs, Space, build_sites, distinct_operators, draw_archs

POOL = 4096
N_JUDGED = 512
RIDGE = 0.01
"""What is known beforehand of an operator's time: as much as a hundredth of a timing of it alone would tell."""


@dataclass(frozen=True, slots=True, eq=False)
class TimingPlan:
    """Networks to time: their archs, how many of the space's operators they hold, and what they tell.

    ``variance_ratio`` is the mean variance of another network's solved time over that after as many random networks.
    """

    archs: Archs
    n_operators: int
    n_held: int
    variance_ratio: float


def _counts(space: Space, archs: Archs) -> NDArray[np.float64]:
    return count_operators(space, archs, metric="").counts


def _pool(space: Space, rng: np.random.Generator) -> Archs:
    archs = np.concatenate([draw_archs(space, POOL // 2, rng), draw_skewed(space, POOL // 2, rng)])
    return np.unique(archs, axis=0)


def cover_archs(space: Space, *, seed: int = 0) -> Archs:
    """Choose few archs that hold every operator which the space's archs have, greedily.

    Returns
    -------
    uint8, shape (n, n_slots); members of the space.

    Notes
    -----
    Each pick is the arch of a random pool that holds most operators not held yet; an operator that the pool lacks has
    an arch made for it.
    """
    rng = np.random.default_rng(seed)
    pool = _pool(space, rng)
    held = _counts(space, pool) > 0
    made = [_arch_with(space, rng, codes, scope) for scope, codes in _rare(space, held.sum(axis=0) > 0)]
    if made:
        pool = np.concatenate([pool, made])
        held = _counts(space, pool) > 0
    left = held.any(axis=0)
    chosen: list[int] = []
    while left.any():
        best = int(np.argmax((held & left).sum(axis=1)))
        chosen.append(best)
        left &= ~held[best]
    return np.ascontiguousarray(pool[chosen])


def _rare(space: Space, held: NDArray[np.bool_]) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """List for each operator that is not held where it stands: the slots that decide it, and their codes."""
    keys = dict.fromkeys(map(lookup_key, distinct_operators(space)))
    missing = {key for key, there in zip(keys, held, strict=True) if not there}
    found = []
    for site in build_sites(space):
        for codes, op in site.table.items():
            allowed = all(code in space.allowed[slot] for slot, code in zip(site.scope, codes, strict=True))
            if op is not None and allowed and lookup_key(op) in missing:
                missing.discard(lookup_key(op))
                found.append((site.scope, codes))
    return found


def _arch_with(space: Space, rng: np.random.Generator, codes: tuple[int, ...], scope: tuple[int, ...]) -> Archs:
    """Make an arch that has given codes in given slots: of full depth but where they say otherwise, else random."""
    arch = np.array([rng.choice(list(codes)) for codes in space.allowed], np.uint8)
    for unit in space.units:
        if unit.depth is not None:
            depths = [unit.depths[code] for code in space.allowed[unit.depth]]
            arch[unit.depth] = space.allowed[unit.depth][depths.index(max(depths))]
    arch[list(scope)] = codes
    depths = space.depths(arch[None])[0]
    for slot in space.layer_slots:
        if slot.layer > depths[slot.unit - 1]:
            arch[slot.index] = INACTIVE
    return arch


def plan_archs(space: Space, n: int, *, seed: int = 0) -> TimingPlan:
    """Choose the archs whose times tell the others' times best: an I-optimal design, chosen greedily.

    Parameters
    ----------
    n
        How many networks, at least 5.

    Raises
    ------
    OptionError
        If fewer are asked for, or more than the space has.

    Notes
    -----
    Each pick is the arch of the pool after whose timing the solved times of random networks vary least in the mean
    (Atkinson, Donev and Tobias, Optimum Experimental Designs, 2007). The constant of a network is one of the unknowns.
    """
    if n < 5:
        raise OptionError(f"{n} networks are too few to solve a table from; at least 5 are needed")
    rng = np.random.default_rng(seed)
    pool = np.unique(np.concatenate([_pool(space, rng), cover_archs(space, seed=seed)]), axis=0)
    if n > len(pool):
        raise OptionError(f"{n} networks are more than the {len(pool)} that there are to choose from; ask for fewer")
    counts = _counts(space, pool)
    rows = np.column_stack([np.ones(len(pool)), counts])
    judged = np.column_stack([np.ones(N_JUDGED), _counts(space, draw_archs(space, N_JUDGED, rng))])
    chosen = _pick(rows, judged, n)
    fresh = np.column_stack([np.ones(N_JUDGED), _counts(space, draw_archs(space, N_JUDGED, rng))])
    random = np.column_stack([np.ones(n), _counts(space, draw_archs(space, n, rng))])
    ratio = _mean_variance(rows[chosen], fresh) / _mean_variance(random, fresh)
    held = int((counts[chosen].sum(axis=0) > 0).sum())
    return TimingPlan(np.ascontiguousarray(pool[chosen]), int((counts.sum(axis=0) > 0).sum()), held, ratio)


def _pick(rows: NDArray[np.float64], judged: NDArray[np.float64], n: int) -> list[int]:
    """Pick rows one by one: each lowers the variance of the judged rows most, summed."""
    spread = np.eye(rows.shape[1]) / RIDGE
    leverage = (rows**2).sum(axis=1) / RIDGE
    reach = rows @ judged.T / RIDGE
    chosen: list[int] = []
    for _ in range(n):
        lowered = (reach**2).sum(axis=1) / (1 + leverage)
        lowered[chosen] = -np.inf
        best = int(np.argmax(lowered))
        gain, scale = spread @ rows[best], 1 + leverage[best]
        told = rows @ gain
        spread -= np.outer(gain, gain) / scale
        leverage -= told**2 / scale
        reach -= np.outer(told, reach[best]) / scale
        chosen.append(best)
    return chosen


def _mean_variance(rows: NDArray[np.float64], judged: NDArray[np.float64]) -> float:
    information = rows.T @ rows + RIDGE * np.eye(rows.shape[1])
    return float(np.einsum("ij,ij->i", judged, np.linalg.solve(information, judged.T).T).mean())
