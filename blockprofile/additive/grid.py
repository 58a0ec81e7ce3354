"""An additive metric on a grid: every move of its chain adds a whole number of steps.

Costs are taken relative to the cheapest way to go on (so that the sum over a whole arch is its distance from
the smallest value), then rounded. How far the rounded sum can be from the true one, over all archs of the
space, is found by a sweep, not bounded by the number of terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.chain import Chain, Step
from blockprofile.additive.extremes import remaining_extremes


@dataclass(frozen=True, slots=True)
class Grid:
    """A chain of one metric whose moves add whole steps.

    Parameters
    ----------
    shifts
        For each step of the chain the number of grid steps that each move adds, at least 0.
    origin, step
        An arch whose moves add k steps has the value ``origin + k * step`` on the grid.
    error
        No arch's value on the grid is farther from its true value than this.
    n_bins
        One more than the largest k.
    """

    chain: Chain
    shifts: tuple[NDArray[np.intp], ...]
    origin: float
    step: float
    error: float
    n_bins: int


def relative_costs(chain: Chain) -> tuple[float, list[NDArray[np.float64]]]:
    """Return the metric's smallest value, and each move's cost beyond the cheapest way to go on, at least 0."""
    rest = remaining_extremes(chain, [step.cost[0] for step in chain.steps], largest=False)
    costs = [
        np.maximum(step.cost[0] + after[step.target] - before[step.source], 0.0)
        for step, before, after in zip(chain.steps, rest, rest[1:], strict=False)
    ]
    return float(rest[0][0]) + float(chain.constant[0]), costs


def round_to_grid(chain: Chain, *, step: float) -> Grid:
    """Round a chain's costs to multiples of ``step``, each to the nearest."""
    smallest, costs = relative_costs(chain)
    shifts = [np.rint(cost / step).astype(np.intp) for cost in costs]
    errors = [shift * step - cost for shift, cost in zip(shifts, costs, strict=True)]
    low, high = (float(remaining_extremes(chain, errors, largest=sense)[0][0]) for sense in (False, True))
    longest = int(remaining_extremes(chain, shifts, largest=True)[0][0])
    return Grid(chain, tuple(shifts), smallest - (low + high) / 2, step, (high - low) / 2, longest + 1)


def shift_add(
    target: NDArray[np.float64], source: NDArray[np.float64], shift: int, weight: float | np.floating
) -> None:
    """Add ``weight * source``, moved up by ``shift`` bins, to ``target``; what leaves the grid is dropped."""
    n = len(target) - shift
    if n > 0:
        target[shift:] += weight * source[:n]


def forward_masses(grid: Grid) -> list[NDArray[np.float64]]:
    """Return the law of the sum so far: for each step the probability of (source, bin), and of the end's."""
    masses = [np.zeros((1, grid.n_bins))]
    masses[0][0, 0] = 1.0
    for step, shifts in zip(grid.chain.steps, grid.shifts, strict=True):
        masses.append(advance_masses(step, shifts, masses[-1]))
    return masses


def advance_masses(step: Step, shifts: NDArray[np.intp], masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry the law of the sum so far over one step; float64, shape (n_targets, n_bins)."""
    after = np.zeros((step.n_targets, masses.shape[1]))
    moves = zip(step.source, step.target, shifts, step.probability, strict=True)
    for source, target, shift, probability in moves:
        shift_add(after[target], masses[source], int(shift), probability)
    return after


def retreat_masses(step: Step, shifts: NDArray[np.intp], masses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Carry the law of the sum still to come back over one step; float64, shape (n_sources, n_bins)."""
    before = np.zeros((step.n_sources, masses.shape[1]))
    moves = zip(step.source, step.target, shifts, step.probability, strict=True)
    for source, target, shift, probability in moves:
        shift_add(before[source], masses[target], int(shift), probability)
    return before
