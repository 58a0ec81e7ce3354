"""Sensitivity: the share of a metric's variance that each slot, each pair of slots and each unit explains.

Exact for additive metrics; for any metric estimated from a pool without bias, with bootstrap intervals. Both are
of the decomposition that `blockprofile.sensitivity.anova` defines: all slots drawn independently, a layer's block too
where the layer is inactive.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import OptionError
from blockprofile.sensitivity.anova import Term, component_variance, decompose, slot_laws
from blockprofile.sensitivity.pair_effects import pair_effects
from blockprofile.sensitivity.pair_sums import PairSums
from blockprofile.space import Factor, Law, Space

N_REPLICATES = 400
ROUNDING = 1e-12
"""Shares that are nothing but rounding: of layers that no depth reaches."""
RowKind = Literal["unit", "depth", "width", "layer", "resolution", "option", "pair", "rest"]


@dataclass(frozen=True, slots=True)
class Share:
    """A share of the variance, and the bounds of its 95 % interval (equal to it where exact).

    All three are NaN where there is no variance to share out.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One line of the table.

    ``kind`` says of what: a ``unit`` (all its slots and their interactions), a ``depth``, ``width``, ``resolution`` or
    ``option`` (its main effect), a ``layer`` (its block, given the depth: main effect and interaction with the
    depth), a ``pair`` (the interaction of two slots), or the ``rest`` (interactions across units, and of more than
    two slots). ``name`` is the slot's, the pair's (``u1_depth x u1l3``) or the unit's (``u1``).
    """

    metric: str
    kind: RowKind
    name: str
    unit: int
    layer: int
    share: Share
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The variance of one metric over a space, by terms.

    Parameters
    ----------
    n
        The number of archs it was estimated from; 0 where it is exact.
    variance
        Of the metric; 0 where all archs have the same value, up to rounding.
    terms, shares
        Single slots and pairs of slots, and the share of the variance that each explains.
    replicates
        Bootstrap replicates of the shares, shape (n_replicates, n_terms); none where exact.
    effects
        For each slot E[M | code] - E[M], shape (n_choices,); NaN for codes that are not allowed.
    """

    space: Space
    metric: str
    law: Law
    n: int
    variance: float
    terms: tuple[Term, ...]
    shares: NDArray[np.float64]
    replicates: NDArray[np.float64]
    effects: Mapping[int, NDArray[np.float64]]

    @property
    def is_exact(self) -> bool:
        """Whether the shares are exact."""
        return self.n == 0

    def share_of(self, terms: Iterable[Term]) -> Share:
        """Add up the shares of some terms; terms without effect count nothing."""
        wanted = set(terms)
        chosen = np.array([term in wanted for term in self.terms], bool)
        if not self.variance > 0:
            return Share(np.nan, np.nan, np.nan)
        value = float(self.shares[chosen].sum())
        if self.is_exact:
            return Share(value, value, value)
        low, high = np.quantile(self.replicates[:, chosen].sum(axis=1), [0.025, 0.975])
        return Share(value, float(low), float(high))

    def terms_of_unit(self, unit: int) -> list[Term]:
        """List the terms whose slots all belong to a unit."""
        return [term for term in self.terms if {self.space.slots[index].unit for index in term} == {unit}]

    def terms_of_layer(self, slot: int) -> list[Term]:
        """List the terms of a layer's block given the depth: its own, and with its unit's depth."""
        depth = self.space.units[self.space.slots[slot].unit - 1].depth
        return [(slot,)] if depth is None else [(slot,), (min(depth, slot), max(depth, slot))]

    def rows(self) -> Iterator[SensitivityRow]:
        """Yield the table: units, slots in the order of the network, pairs from the largest on, the rest."""
        space = self.space
        inside: list[Term] = []
        for unit in space.units:
            terms = self.terms_of_unit(unit.unit)
            inside += terms
            yield self._row("unit", f"u{unit.unit}", terms, (unit.unit, 0))
        for slot in space.slots:
            terms = self.terms_of_layer(slot.index) if slot.kind == "layer" else [(slot.index,)]
            if not slot.unit:
                inside += terms
            yield self._row(slot.kind, slot.name, terms, slot.place)
        pairs = sorted((term for term in self.terms if len(term) == 2), key=lambda term: -self.shares[self._at(term)])
        for first, second in pairs:
            name = f"{space.slots[first].name} x {space.slots[second].name}"
            yield self._row("pair", name, [(first, second)], (0, 0))
        explained = self.share_of(inside)
        rest = Share(1 - explained.value, 1 - explained.high, 1 - explained.low)
        yield SensitivityRow(self.metric, "rest", "rest", 0, 0, rest, self.is_exact)

    def _at(self, term: Term) -> int:
        return self.terms.index(term)

    def _row(self, kind: RowKind, name: str, terms: Sequence[Term], where: tuple[int, int]) -> SensitivityRow:
        return SensitivityRow(self.metric, kind, name, *where, self.share_of(terms), self.is_exact)


def exact_sensitivity(space: Space, factors: Sequence[Factor], *, metric: str, law: Law = "papers") -> Sensitivity:
    """Compute the sensitivities of an additive metric, exactly.

    Raises
    ------
    OptionError
        If a factor couples too many slots.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> ofa = load_space("ofa_mbv3")
    >>> found = exact_sensitivity(ofa, factorize(ofa, lambda op: op.macs / 1e6), metric="macs_m")
    >>> [round(row.share.value, 3) for row in found.rows() if row.kind == "unit"]
    [0.452, 0.108, 0.077, 0.285, 0.078]
    """
    laws = slot_laws(space, law=law)
    parts = decompose(space, factors, law=law)
    variances = {term: component_variance(term, part, laws) for term, part in parts.items() if term}
    variance = _beyond_rounding(sum(variances.values()), float(parts[()]), np.finfo(np.float64))
    terms = tuple(term for term in variances if len(term) <= 2)
    shares = np.array([variances[term] / variance if variance > 0 else 0.0 for term in terms])
    effects = {}
    for slot in space.slots:
        part = parts.get((slot.index,), np.zeros(slot.n_choices))
        effects[slot.index] = np.where(laws[slot.index] > 0, part, np.nan)
    return Sensitivity(space, metric, law, 0, variance, terms, shares, np.zeros((0, len(terms))), effects)


def estimate_sensitivity(
    sums: PairSums, metric: str, *, law: Law = "papers", n_replicates: int = N_REPLICATES, seed: int = 0
) -> Sensitivity:
    """Estimate the sensitivities of any metric from a pool.

    Parameters
    ----------
    sums
        The pool's sums; its archs were drawn by ``law``.
    n_replicates
        Bootstrap replicates for the intervals.

    Raises
    ------
    OptionError
        If a fold holds no arch.

    Notes
    -----
    The effect of a term is estimated in each fold, linearly in the metric; its variance is the mean product of the
    effects of two different folds, which noise does not inflate (a share of 0 is estimated as 0 on
    average, so sometimes below it). The bootstrap draws folds.
    """
    totals = sums.totals[metric]
    sizes = totals[:, 0]
    if not sizes.all():
        raise OptionError(f"the pool has {int(sizes.sum())} archs; each of its {sums.n_folds} folds needs one")
    draws = np.random.default_rng(seed).multinomial(sums.n_folds, np.full(sums.n_folds, 1 / sums.n_folds), n_replicates)
    weights = np.concatenate([sizes[None], draws * sizes])
    norm = weights.sum(axis=1) ** 2 - (weights**2).sum(axis=1)
    slots = range(sums.space.n_slots)
    terms = [term for order in (1, 2) for term in itertools.combinations(slots, order)]
    variances = np.empty((len(weights), len(terms)))
    effects = {}
    laws = slot_laws(sums.space, law=law)
    for place, (term, by_fold) in enumerate(pair_effects(sums, metric, terms, law=law)):
        chance = laws[term[0]] if len(term) == 1 else np.outer(laws[term[0]], laws[term[1]]).ravel()
        products = (by_fold * chance) @ by_fold.T
        np.fill_diagonal(products, 0.0)
        variances[:, place] = np.einsum("rk,kl,rl->r", weights, products, weights, optimize=True) / norm
        if len(term) == 1:
            effects[term[0]] = np.where(chance > 0, sizes @ by_fold / sizes.sum(), np.nan)
    scale = weights / sizes
    n, first, second = (scale @ totals[:, column] for column in range(3))
    variance = (second / n - (first / n) ** 2) * n / (n - 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(variance[:, None] > 0, variances / variance[:, None], 0.0)
    shares[np.abs(shares) < ROUNDING] = 0.0
    whole = _beyond_rounding(float(variance[0]), float(first[0] / n[0]), np.finfo(np.float32))
    return Sensitivity(sums.space, metric, law, int(sizes.sum()), whole, tuple(terms), shares[0], shares[1:], effects)


def _beyond_rounding(variance: float, mean: float, kind: np.finfo[Any]) -> float:
    """Return the variance, or 0 where it is no more than the rounding of equal values would make."""
    return variance if variance > (8 * float(kind.eps) * mean) ** 2 else 0.0
