"""The certificate of a pruning: what is kept of the front, from archs that had no part in the decision.

Original, pruned and randomly pruned spaces are given the same number of new archs from the same seeds, and what
each of them reaches is compared. Which archs are tried is up to a `Reach`: the command line hands in a short
search, so that the ends of the front count too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blockprofile.space import Space

Points = NDArray[np.float64]
"""Accuracy and cost of archs: float64, shape (n, 2)."""

N_LIMITS = 5
N_RANDOM = 20
STREAM = 0xCE47


class Reach(Protocol):
    """What archs of a space are tried."""

    def __call__(self, space: Space, seed: int) -> Points:
        """Return accuracy and cost of the archs that were tried: float64, shape (n, 2)."""
        ...

    @property
    def words(self) -> str:
        """Say how archs are tried, for a reader."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a pruning keeps, against the original and against random prunings of the same size.

    Figures are means over seeds. ``front_kept`` is the share of the original's front that the pruned space matches or
    betters, ``hypervolume_kept`` the ratio of hypervolumes (above 1: the pruned space reaches further).
    ``best_before``, ``best_after`` and ``best_random`` are the best accuracies at the cost ``limits``. ``n_as_good``
    counts the random prunings whose hypervolume is at least that of the pruned space.
    """

    reach: str
    seeds: tuple[int, ...]
    reference: tuple[float, float]
    front_kept: float
    hypervolume_before: float
    hypervolume_after: float
    hypervolume_kept: float
    limits: tuple[float, ...]
    best_before: tuple[float, ...]
    best_after: tuple[float, ...]
    best_random: tuple[float, ...]
    n_random: int
    random_front_kept: float
    random_hypervolume_kept: float
    n_as_good: int

    @property
    def is_better_than_random(self) -> bool:
        """Whether fewer than one in twenty random prunings of the same size are as good."""
        return self.n_as_good < 0.05 * self.n_random

    @property
    def is_better_than_original(self) -> bool:
        """Whether as much effort reaches at least the original's hypervolume."""
        return self.hypervolume_kept >= 1

    @property
    def verdict(self) -> str:
        """Say in a sentence what the certificate shows."""
        if not self.is_better_than_random:
            return (
                f"NO BETTER THAN RANDOM: {self.n_as_good} of {self.n_random} random prunings of the same size "
                f"reach as much hypervolume as this one"
            )
        share = f"{100 * self.hypervolume_kept:.1f} % of the original's hypervolume"
        if not self.is_better_than_original:
            return f"better than random, but WORSE THAN THE ORIGINAL: {share} at equal effort"
        random = f"{100 * self.random_hypervolume_kept:.1f} %"
        return f"better than random: {share} at equal effort; the random prunings keep {random}"

    def as_mapping(self) -> dict[str, Any]:
        """Return plain values for a file, rounded to five digits."""
        found: dict[str, Any] = {"verdict": self.verdict}
        for name in self.__dataclass_fields__:
            value = getattr(self, name)
            if isinstance(value, tuple):
                found[name] = [_short(item) for item in value]
            else:
                found[name] = _short(value)
        return found


def _short(value: object) -> object:
    return float(f"{value:.5g}") if isinstance(value, float) else value


def prune_at_random(before: Space, after: Space, rng: np.random.Generator) -> Space:
    """Prune as much as another pruning did, at random.

    Every slot keeps as many choices as it has in ``after``, drawn among those of ``before``; a depth keeps as many
    from either end.

    Parameters
    ----------
    before, after
        The original and the pruned space.
    """
    allowed = []
    for slot, old, new in zip(before.slots, before.allowed, after.allowed, strict=True):
        if len(new) == len(old):
            allowed.append(old)
        elif slot.kind == "depth":
            first = int(rng.integers(0, len(old) - len(new) + 1))
            allowed.append(old[first : first + len(new)])
        else:
            allowed.append(tuple(sorted(rng.choice(old, size=len(new), replace=False).tolist())))
    return before.restricted(allowed, name=f"{after.name} (random)")


def _front(points: Points) -> Points:
    """Return the front, by ascending cost."""
    order = np.lexsort((-points[:, 0], points[:, 1]))
    ordered = points[order]
    best = np.maximum.accumulate(ordered[:, 0])
    keep = np.concatenate([[True], ordered[1:, 0] > best[:-1]])
    front: Points = ordered[keep]
    return front


def _hypervolume(front: Points, reference: tuple[float, float]) -> float:
    """Return the area that a front dominates, accuracy above ``reference[0]`` and cost below ``reference[1]``."""
    inside = front[(front[:, 0] > reference[0]) & (front[:, 1] < reference[1])]
    if len(inside) == 0:
        return 0.0
    steps = np.diff(np.concatenate([[reference[0]], inside[:, 0]]))
    return float((steps * (reference[1] - inside[:, 1])).sum())


def _best_at(front: Points, limits: NDArray[np.float64]) -> Points:
    """Return the best accuracy within each cost limit, NaN where nothing is."""
    places = np.searchsorted(front[:, 1], limits, side="right") - 1
    best: Points = np.where(places >= 0, front[np.maximum(places, 0), 0], np.nan)
    return best


def _kept(original: Points, other: Points) -> float:
    """Return the share of a front that another one matches or betters."""
    best = _best_at(other, original[:, 1])
    return float(np.mean(np.nan_to_num(best, nan=-np.inf) >= original[:, 0]))


def certify(
    before: Space, after: Space, *, reach: Reach, seeds: Sequence[int] = (0, 1, 2), n_random: int = N_RANDOM
) -> Certificate:
    """Compare a pruned space with the original and with random prunings of the same size.

    Parameters
    ----------
    before, after
        The original and the pruned space.
    reach
        What archs are tried; its seeds must not be those of the profile's pool.
    seeds
        All spaces are tried with the same ones.
    n_random
        How many random prunings.

    Notes
    -----
    The reference point is the worst accuracy and cost among random archs of the original that `reach` has tried.
    """
    rng = np.random.default_rng(np.random.SeedSequence(0, spawn_key=(STREAM,)))
    tried = [reach(before, seed) for seed in seeds]
    reference = float(min(p[:, 0].min() for p in tried)), float(max(p[:, 1].max() for p in tried))
    originals = [_front(points) for points in tried]
    joint = _front(np.concatenate(originals))
    shares = np.linspace(0, 1, N_LIMITS + 2)[1:-1]
    wanted = joint[0, 0] + shares * (joint[-1, 0] - joint[0, 0])
    limits = joint[np.searchsorted(joint[:, 0], wanted), 1]
    mine = _measure(after, originals, reach=reach, seeds=seeds, frame=(reference, limits))
    others = [
        _measure(prune_at_random(before, after, rng), originals, reach=reach, seeds=seeds, frame=(reference, limits))
        for _ in range(n_random)
    ]
    base = float(np.mean([_hypervolume(front, reference) for front in originals]))
    return Certificate(
        reach=reach.words,
        seeds=tuple(seeds),
        reference=reference,
        front_kept=mine["kept"],
        hypervolume_before=base,
        hypervolume_after=mine["volume"],
        hypervolume_kept=_ratio(mine["volume"], base),
        limits=tuple(limits.tolist()),
        best_before=_means([_best_at(front, limits) for front in originals]),
        best_after=tuple(mine["best"]),
        best_random=_means([np.array(each["best"]) for each in others]),
        n_random=n_random,
        random_front_kept=float(np.mean([each["kept"] for each in others])) if others else 0.0,
        random_hypervolume_kept=float(np.mean([_ratio(each["volume"], base) for each in others])) if others else 0.0,
        n_as_good=sum(each["volume"] >= mine["volume"] for each in others),
    )


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0


def _means(rows: Sequence[Points]) -> tuple[float, ...]:
    """Average each column over the rows that have it."""
    if not rows:
        return ()
    table = np.stack(rows)
    counts = np.isfinite(table).sum(axis=0)
    sums = np.where(np.isfinite(table), table, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        return tuple(np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).tolist())


def _measure(
    space: Space,
    originals: Sequence[Points],
    *,
    reach: Reach,
    seeds: Sequence[int],
    frame: tuple[tuple[float, float], NDArray[np.float64]],
) -> Mapping[str, Any]:
    reference, limits = frame
    fronts = [_front(reach(space, seed)) for seed in seeds]
    return {
        "volume": float(np.mean([_hypervolume(front, reference) for front in fronts])),
        "kept": float(np.mean([_kept(old, new) for old, new in zip(originals, fronts, strict=True)])),
        "best": list(_means([_best_at(front, limits) for front in fronts])),
    }
