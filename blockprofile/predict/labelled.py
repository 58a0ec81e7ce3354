"""Labelled archs as a weighted sample of a law: what they weigh, and how many they are worth.

Archs come into a table by any road. Where their codes look drawn by the law they weigh alike; else they are raked:
weighted so that every slot's codes are as frequent as under the law. A table of every arch of the space has weights
that are known, and figures without sampling error.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import DataError
from blockprofile.space import INACTIVE, Archs, Law, Slot, Space, count_archs, depth_probabilities

Doubles = NDArray[np.float64]

LOOKS_DRAWN = 1e-3
"""The p-value above which codes pass for drawn by the law."""
LOOKS_CHOSEN = 1e-6
"""The p-value below which slots depend on each other."""
MAX_ROUNDS = 100
CLOSE = 1e-4
"""Raking ends when every code's share is as near to the law's."""


def effective_number(weights: Doubles) -> float:
    """Return Kish's effective number of weighted rows, (sum w)^2 / sum w^2; 0 for none.

    Examples
    --------
    >>> effective_number(np.array([1.0, 1.0, 1.0])), effective_number(np.array([1.0, 0.0]))
    (3.0, 1.0)
    """
    square = float(np.square(weights).sum())
    return float(weights.sum()) ** 2 / square if square > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class LabelledArchs:
    """Distinct labelled archs of a space.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    values
        What is averaged: labels, or labels less predictions; float64, shape (n,).
    weights
        From `weigh_archs`.
    how
        In a few words, how they were weighted.
    noise
        The variance of each value where the archs are all of the space, so that nothing else varies; else None.
    """

    archs: Archs
    values: Doubles
    weights: Doubles
    how: str
    noise: Doubles | None = None

    @property
    def n_effective(self) -> float:
        """How many archs drawn by the law they are worth."""
        return effective_number(self.weights)


@dataclass(frozen=True, slots=True)
class _Marginal:
    """A slot's law: the codes, their probabilities, and the rows that it is over (None: all)."""

    slot: Slot
    codes: NDArray[np.uint8]
    law: Doubles
    rows: NDArray[np.int64] | None

    def shares(self, archs: Archs, weights: Doubles) -> tuple[NDArray[np.intp], Doubles, float]:
        """Return each row's place among the codes, the codes' shares, and the rows' weight."""
        column = archs[:, self.slot.index] if self.rows is None else archs[self.rows, self.slot.index]
        own = weights if self.rows is None else weights[self.rows]
        places = np.searchsorted(self.codes, column)
        sums = np.bincount(places, own, minlength=len(self.codes)).astype(np.float64)
        total = float(sums.sum())
        return places, sums / total if total > 0 else sums, total


def _marginals(space: Space, archs: Archs, law: Law) -> Iterator[_Marginal]:
    """Yield the law of every slot with a choice; a layer's is given that it is active."""
    for slot in space.slots:
        codes = np.asarray(space.allowed[slot.index], np.uint8)
        if slot.kind == "depth":
            chances = depth_probabilities(space, slot.unit, law)
        else:
            chances = np.full(len(codes), 1 / len(codes))
        rows = np.flatnonzero(archs[:, slot.index] != INACTIVE) if slot.kind == "layer" else None
        if len(codes) > 1 and (rows is None or len(rows)):
            yield _Marginal(slot, codes, chances, rows)


def _probabilities(marginals: list[_Marginal], archs: Archs) -> Doubles:
    chances = np.ones(len(archs))
    for each in marginals:
        rows = slice(None) if each.rows is None else each.rows
        chances[rows] *= each.law[np.searchsorted(each.codes, archs[rows, each.slot.index])]
    return chances


def weigh_archs(space: Space, archs: Archs, *, law: Law) -> tuple[Doubles, str, bool]:
    """Weigh distinct archs so that they stand for a law.

    Parameters
    ----------
    archs
        Distinct archs of it, at least one.

    Returns
    -------
    Weights of shape (n,) with mean 1, a word on how they were made, and whether the archs are all that the space has.

    Raises
    ------
    DataError
        If the archs are no draws of the law and cannot be weighted to it: a code that the law has is missing, or no
        weights meet all its shares.

    Notes
    -----
    Raking (iterative proportional fitting) is exact where the archs' slots were drawn independently, as those of both
    laws are. What correlates in the table beyond its slots' shares stays in it.

    References
    ----------
    Deming and Stephan, Annals of Mathematical Statistics 11, 1940.
    """
    marginals = list(_marginals(space, archs, law))
    if len(archs) == count_archs(space):
        chances = _probabilities(marginals, archs)
        return chances / chances.mean(), "all archs of the space", True
    dependent = tell_dependence(space, archs)
    if _looks_drawn(marginals, archs):
        return np.ones(len(archs)), "drawn by the law" + dependent, False
    return _rake(space, marginals, archs), "weighted to the law" + dependent, False


def tell_dependence(space: Space, archs: Archs) -> str:
    """Say so where archs were chosen by something that no weights of single slots undo; empty where nothing shows it.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots), distinct.

    Notes
    -----
    Slots that were drawn one by one are independent, whatever the shares of their codes. Pearson's chi-squared of every
    pair of slots, over the archs that have both, are uncorrelated then, and their sum is close to normal. Cramér's V
    of all pairs (root of the mean square, corrected for chance) says how strongly they depend: from 0 to 1.

    Examples
    --------
    >>> from blockprofile.space import draw_archs, load_space
    >>> space = load_space("nas_bench_macro")
    >>> archs = draw_archs(space, 2000, np.random.default_rng(0))
    >>> tell_dependence(space, archs)
    ''
    >>> searched = archs[(archs == 2).sum(axis=1) > 3]
    >>> tell_dependence(space, searched).partition(" (")[0]
    '; their slots depend on each other'
    """
    from scipy.stats import norm

    columns = [archs[:, slot.index] for slot in space.slots if len(space.allowed[slot.index]) > 1]
    statistic, freedom, strengths = 0.0, 0, []
    for first, second in itertools.combinations(columns, 2):
        rows = (first != INACTIVE) & (second != INACTIVE)
        n = int(rows.sum())
        table = np.bincount(first[rows].astype(np.int64) * INACTIVE + second[rows], minlength=1)
        table = np.pad(table, (0, -len(table) % INACTIVE)).reshape(-1, INACTIVE).astype(np.float64)
        table = table[table.any(axis=1)][:, table.any(axis=0)]
        if n < 2 or 1 in table.shape:
            continue
        expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
        # With the margins given, the statistic's mean is n / (n - 1) of its degrees of freedom.
        own, free = (
            float(((table - expected) ** 2 / expected).sum()) * (n - 1) / n,
            math.prod(np.array(table.shape) - 1),
        )
        statistic, freedom = statistic + own, freedom + free
        strengths.append((own - free) / (n * (min(table.shape) - 1)))
    if not freedom:
        return ""
    # Wilson and Hilferty: the cube root of chi-squared by its freedom is close to normal.
    spread = 2 / (9 * freedom)
    chance = float(norm.sf(((statistic / freedom) ** (1 / 3) - 1 + spread) / math.sqrt(spread)))
    if chance >= LOOKS_CHOSEN:
        return ""
    told = f"p {chance:.0e}" if chance > 0 else "beyond doubt"
    strength = math.sqrt(max(0.0, float(np.mean(strengths))))
    return (
        f"; their slots depend on each other ({told}, Cramér's V {strength:.1g}), as where a search or their "
        "accuracies chose them"
    )


def _looks_drawn(marginals: list[_Marginal], archs: Archs) -> bool:
    """Test the shares of all codes of all slots against the law (Pearson's chi-squared)."""
    from scipy.special import chdtrc

    statistic, freedom = 0.0, 0
    for each in marginals:
        _, shares, total = each.shares(archs, np.ones(len(archs)))
        statistic += total * float(np.sum((shares - each.law) ** 2 / each.law))
        freedom += len(each.codes) - 1
    return freedom == 0 or float(chdtrc(freedom, statistic)) >= LOOKS_DRAWN


def _rake(space: Space, marginals: list[_Marginal], archs: Archs) -> Doubles:
    weights = np.ones(len(archs))
    refused = f"the {len(archs)} labelled archs are no draws of space {space.name!r} and cannot be weighted to its law"
    for each in marginals:
        _, shares, _ = each.shares(archs, weights)
        if not shares.all():
            code = int(each.codes[np.flatnonzero(shares == 0)[0]])
            raise DataError(
                f"{refused}: none holds {each.slot.choices[code]!r} in slot {each.slot.name!r}; label such archs, or "
                "take a pruned space without it"
            )
    for _ in range(MAX_ROUNDS):
        farthest = 0.0
        for each in marginals:
            places, shares, _ = each.shares(archs, weights)
            farthest = max(farthest, float(np.abs(shares - each.law).max()))
            ratio = np.divide(each.law, shares, out=np.zeros_like(shares), where=shares > 0)[places]
            weights[slice(None) if each.rows is None else each.rows] *= ratio
        if farthest < CLOSE:
            return np.asarray(weights / weights.mean(), np.float64)
    raise DataError(
        f"{refused}: no weights make all its codes as frequent; label archs drawn with `blockprofile sample`, or name "
        "the law that drew them with --law"
    )
