"""Exact quantile responses M_tau of additive metrics: the law of the metric given each (unit, layer, block).

The law before a slot and the law after it are known in every state; joined over the moves that put a block in
its layer they give the metric's whole law for that block, by one product of Fourier transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.chain import Step, build_chain
from blockprofile.additive.distribution import make_grid, read_quantiles
from blockprofile.additive.exact import Mixture, Place, list_mixtures, list_places
from blockprofile.additive.grid import Grid, forward_masses, retreat_masses, shift_add
from blockprofile.additive.presence import Presence, check_presence
from blockprofile.space import Factor, Law, Space

TAUS = (0.01, 0.05, 0.5, 0.95, 0.99)
_NOISE = 1e-14
"""Rounding of the transforms: masses below it are none."""


@dataclass(frozen=True, slots=True)
class QuantileResponses:
    """Quantiles of one additive metric, over the space and under each response.

    Parameters
    ----------
    whole
        Q_tau[M(A)], shape (n_taus,).
    places, cells
        Every (unit, layer, block), and Q_tau[M(A_(u,l,b))], shape (n_places, n_taus). M_tau of equation 3 is
        ``cells - whole``.
    depths, by_depth
        (unit, depth) where it is searched, and the quantiles given that depth, shape (n_depths, n_taus).
    error
        Every quantile is within this of the exact one.

    References
    ----------
    Mills et al., Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search, CIKM 2021,
    equation 3.
    """

    space: Space
    presence: Presence
    law: Law
    taus: tuple[float, ...]
    whole: NDArray[np.float64]
    places: tuple[Place, ...]
    cells: NDArray[np.float64]
    depths: tuple[tuple[int, int], ...]
    by_depth: NDArray[np.float64]
    error: float


def exact_quantiles(
    space: Space,
    factors: Sequence[Factor],
    *,
    taus: Sequence[float] = TAUS,
    presence: Presence = "given",
    law: Law = "papers",
    max_error: float | None = None,
) -> QuantileResponses:
    """Compute the quantile responses of an additive metric over all archs of a space.

    Parameters
    ----------
    taus
        Probabilities. A quantile is the smallest value at which the distribution function reaches tau
        (``inverted_cdf``).
    presence, law
        As in `exact_profile`.
    max_error
        The largest allowed error of a quantile, in the metric's unit; None as in `exact_distribution`.

    Raises
    ------
    OptionError
        If the presence is unknown, a tau is not between 0 and 1, the factors couple too many slots, or the
        error bound asks for too fine a grid.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> moga = load_space("moga")
    >>> found = exact_quantiles(moga, factorize(moga, lambda op: op.macs / 1e6), taus=[0.5], max_error=0.1)
    >>> round(float(found.cells[0, 0] - found.whole[0]), 1)
    -11.5
    """
    check_presence(presence)
    grid = make_grid(build_chain(space, [factors], law=law), max_error=max_error)
    probabilities = np.asarray(taus, np.float64)
    places = list_places(space)
    mixtures = list(list_mixtures(space, places, presence=presence, law=law))
    before = forward_masses(grid)
    whole = _quantiles(grid, before[-1][0], probabilities)
    cells = np.zeros((len(places), len(probabilities)))
    depths: list[tuple[int, int]] = []
    by_depth: list[NDArray[np.float64]] = []
    after = np.zeros((1, grid.n_bins))
    after[0, 0] = 1.0
    for number in range(len(grid.chain.steps) - 1, -1, -1):
        step, shifts = grid.chain.steps[number], grid.shifts[number]
        here = [index for index, place in enumerate(places) if place.slot.index == step.slot.index]
        is_depth = step.slot.kind == "depth"
        if here or is_depth:
            around = _Around(step, shifts, before[number], after)
            for index in here:
                weights = around.weigh(mixtures[index], places[index].width)
                cells[index] = _quantiles(grid, around.join(weights), probabilities)
            if is_depth:
                codes = space.allowed[step.slot.index]
                joined = [around.join(around.weigh(_whole_code(code), 0)) for code in codes]
                depths[:0] = [(step.slot.unit, depth) for depth in space.unit_depths(step.slot.unit)]
                by_depth[:0] = [_quantiles(grid, mass, probabilities) for mass in joined]
        after = retreat_masses(step, shifts, after)
        before.pop()
    return QuantileResponses(
        space, presence, law, tuple(float(tau) for tau in taus), whole, places, cells,
        tuple(depths), np.array(by_depth).reshape(len(depths), len(probabilities)), grid.error,
    )  # fmt: skip


def _quantiles(grid: Grid, mass: NDArray[np.float64], taus: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(grid.origin + grid.step * read_quantiles(mass, taus), np.float64)


def _whole_code(code: int) -> Mixture:
    return Mixture(np.ones(1), np.zeros(1, np.intp), np.array([code], np.intp))


class _Around:
    """The laws of the sum before and after one step."""

    def __init__(
        self, step: Step, shifts: NDArray[np.intp], before: NDArray[np.float64], after: NDArray[np.float64]
    ) -> None:
        self.step, self.shifts, self.before = step, shifts, before
        self.n_bins = before.shape[1]
        self.length = 1 << (self.n_bins - 1).bit_length()
        self.after = np.fft.rfft(after, self.length)
        self.chance = before.sum(axis=1)[step.source] * step.probability

    def weigh(self, mixture: Mixture, width: int) -> NDArray[np.float64]:
        """Weigh the step's moves so that the mixture's cells have the mixture's weights."""
        step = self.step
        weights = np.zeros(len(step.code))
        for weight, depth, code in zip(mixture.weights, mixture.depths, mixture.codes, strict=True):
            held = (step.depth == depth) & (step.width == width) & (step.code == code)
            weights[held] += weight * step.probability[held] / self.chance[held].sum()
        return weights

    def join(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the law of the whole sum over the weighted moves; float64, shape (n_bins,)."""
        found = np.zeros(self.length // 2 + 1, np.complex128)
        for target in np.unique(self.step.target[weights > 0]):
            reached = np.zeros(self.n_bins)
            for move in np.flatnonzero((self.step.target == target) & (weights > 0)):
                shift_add(reached, self.before[self.step.source[move]], int(self.shifts[move]), weights[move])
            found += np.fft.rfft(reached, self.length) * self.after[target]
        mass = np.fft.irfft(found, self.length)[: self.n_bins]
        return np.where(mass > _NOISE, mass, 0.0)
