"""The whole distribution of an additive metric over all archs of a space, however many they are.

Convolution on a grid, slot after slot. The one error is the grid's rounding of each arch's value; its bound
over all archs is computed and stated, and a quantile or a limit inherits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from blockprofile.additive.chain import Chain, build_chain
from blockprofile.additive.extremes import remaining_extremes
from blockprofile.additive.grid import Grid, advance_masses, relative_costs, round_to_grid
from blockprofile.errors import OptionError
from blockprofile.space import Factor, Law, Space

DEFAULT_BINS = 1 << 16
MAX_BINS = 1 << 22
_TIE = 1e-12
"""Cumulative probabilities are compared up to this: the rounding of sums of float64."""
_HAIR = 1e-9
"""Bins that a value may lie above a limit and still count as at it: the same, for values."""


@dataclass(frozen=True, slots=True)
class Share:
    """A probability, and bounds that the true one is within."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """The law of one metric.

    Parameters
    ----------
    origin, step
        Bin k stands for the value ``origin + k * step``.
    mass
        Probabilities, float64, shape (n_bins,).
    error
        Every arch's value is within this of its bin's value. A quantile, the smallest and the largest value
        are too.
    """

    origin: float
    step: float
    mass: NDArray[np.float64]
    error: float

    @property
    def values(self) -> NDArray[np.float64]:
        """The values of the bins, ascending."""
        return np.asarray(self.origin + self.step * np.arange(len(self.mass)), np.float64)

    def quantile(self, taus: ArrayLike) -> NDArray[np.float64]:
        """Return quantiles: the smallest value at which the distribution function reaches tau (``inverted_cdf``).

        Each is within ``error`` of the exact quantile.
        """
        bins = read_quantiles(self.mass, np.asarray(taus, np.float64))
        return np.asarray(self.origin + self.step * bins, np.float64)

    def share_under(self, limit: float) -> Share:
        """Return the probability of a value of at most ``limit``, with exact bounds."""
        cumulative = np.concatenate([[0.0], np.cumsum(self.mass)])
        at = np.array([limit, limit - self.error, limit + self.error])
        bins = np.floor((at - self.origin) / self.step + _HAIR) + 1
        found = cumulative[np.clip(bins, 0, len(self.mass)).astype(np.intp)]
        return Share(*np.minimum(found, 1.0).tolist())


def read_quantiles(mass: NDArray[np.float64], taus: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the first bin at which the cumulative mass reaches each tau.

    Raises
    ------
    OptionError
        If a tau is not between 0 and 1.
    """
    if not ((taus >= 0) & (taus <= 1)).all():
        raise OptionError(f"quantiles must be between 0 and 1; got {taus.tolist()}")
    occupied = np.flatnonzero(mass > 0)
    found = np.searchsorted(np.cumsum(mass), taus - _TIE)
    return np.clip(found, occupied[0], occupied[-1]).astype(np.intp)


def make_grid(chain: Chain, *, max_error: float | None = None) -> Grid:
    """Round a chain's costs to a grid, fine enough for an error bound.

    Parameters
    ----------
    max_error
        The largest allowed error, in the metric's unit. None means 65,536 bins.

    Raises
    ------
    OptionError
        If ``max_error`` is not above 0, or asks for more than four million bins.
    """
    _, costs = relative_costs(chain)
    span = float(remaining_extremes(chain, costs, largest=True)[0][0])
    n_rounded = max(1, sum(bool(cost.any()) for cost in costs))
    if span == 0:
        return round_to_grid(chain, step=1.0)
    if max_error is None:
        return round_to_grid(chain, step=span / (DEFAULT_BINS - n_rounded - 1))
    if not max_error > 0:
        raise OptionError(f"the error bound must be above 0; got {max_error}")
    step = 2 * max_error / n_rounded
    if span / step > MAX_BINS:
        least = span * n_rounded / MAX_BINS / 2
        raise OptionError(
            f"an error of {max_error:g} needs {span / step:.3g} bins; at most {MAX_BINS} are handled, "
            f"which is an error of {least:.2g}"
        )
    return round_to_grid(chain, step=step)


def exact_distribution(
    space: Space, factors: Sequence[Factor], *, law: Law = "papers", max_error: float | None = None
) -> Distribution:
    """Compute the distribution of an additive metric over all archs of a space.

    Parameters
    ----------
    law
        The law of the archs; under ``architectures`` a share times ``count_archs(space)`` is a number of archs.
    max_error
        The largest allowed distance between an arch's value and its bin's, in the metric's unit. None takes
        65,536 bins; the error is stated either way.

    Raises
    ------
    OptionError
        If the factors couple too many slots, or the error bound asks for too fine a grid.

    Notes
    -----
    O(n_moves * n_bins): a few hundredths of a second for the shipped spaces. Small probabilities are relatively
    exact: only non-negative numbers are added.

    Examples
    --------
    >>> from blockprofile.space import factorize, load_space
    >>> ofa = load_space("ofa_mbv3")
    >>> found = exact_distribution(ofa, factorize(ofa, lambda op: op.macs / 1e6))
    >>> found.quantile([0.05, 0.5, 0.95]).round(0).tolist(), found.error < 0.1
    ([324.0, 420.0, 524.0], True)
    """
    grid = make_grid(build_chain(space, [factors], law=law), max_error=max_error)
    masses = np.zeros((1, grid.n_bins))
    masses[0, 0] = 1.0
    for step, shifts in zip(grid.chain.steps, grid.shifts, strict=True):
        masses = advance_masses(step, shifts, masses)
    return Distribution(grid.origin, grid.step, masses[0], grid.error)
