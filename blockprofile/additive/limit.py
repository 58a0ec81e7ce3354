"""Random archs under a limit on an additive metric, without drawing from the whole space and throwing away.

How likely it is to stay under the limit is known for every state and every budget that is left, on a grid; a
walk that weighs its moves with it never runs into a dead end, however few archs meet the limit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.additive.chain import Step, build_chain
from blockprofile.additive.distribution import Share
from blockprofile.additive.extremes import remaining_extremes
from blockprofile.additive.grid import relative_costs, shift_add
from blockprofile.errors import InfeasibleError
from blockprofile.space import INACTIVE, Archs, CompiledSum, Factor, Law, Space

N_BINS = 1 << 12
"""Bins of the budget between the smallest value and the limit."""
MAX_ROUNDS = 100
_ROUNDING = 1e-12
"""Relative rounding of a sum of a few dozen float64 terms: values are compared with the limit up to this."""


class LimitedSampler:
    """Draw archs of a space under a law, given that an additive metric is at most, or at least, a limit.

    Parameters
    ----------
    limit
        The largest allowed value, in the metric's unit.
    is_lower
        Whether ``limit`` is the smallest allowed value instead.

    Raises
    ------
    InfeasibleError
        If no arch meets the limit; the message gives the feasible range.
    OptionError
        If the factors couple too many slots.

    Notes
    -----
    Costs are rounded down to a grid of 4,096 bins between the smallest value and the limit, so the walk covers all
    archs that meet the limit and a thin shell above it; that shell is dropped by the exact value. What
    is returned follows the conditional law exactly. The grid is relative to the limit, so the shell stays
    thin where very few archs meet it. At least a limit is at most one with all signs turned.
    """

    def __init__(
        self, space: Space, factors: Sequence[Factor], *, limit: float, law: Law = "papers", is_lower: bool = False
    ) -> None:
        sign = -1.0 if is_lower else 1.0
        signed = [Factor(factor.scope, sign * factor.table) for factor in factors]
        most = sign * limit
        chain = build_chain(space, [signed], law=law)
        smallest, costs = relative_costs(chain)
        span = float(remaining_extremes(chain, costs, largest=True)[0][0])
        rounding = _ROUNDING * max(abs(smallest), abs(smallest + span), span)
        if not most >= smallest - rounding:
            low, high = sorted((sign * smallest, sign * (smallest + span)))
            raise InfeasibleError(
                f"no arch of space {space.name!r} meets the limit {limit:g}: "
                f"the feasible range is {low:.6g} to {high:.6g}"
            )
        self.space, self.limit, self.is_lower = space, limit, is_lower
        self._most = most + rounding
        self._exact = CompiledSum(space, [signed])
        budget = min(most - smallest, span) + rounding
        width = budget / N_BINS if budget > 0 else 1.0
        self._steps = chain.steps
        self._shifts = [np.floor(np.minimum(cost / width, N_BINS + 1)).astype(np.intp) for cost in costs]
        self._chances = self._look_ahead()
        kept = [
            np.where(shift <= N_BINS, cost / width - shift, 0.0)
            for cost, shift in zip(costs, self._shifts, strict=True)
        ]
        shell = int(np.ceil(remaining_extremes(chain, kept, largest=True)[0][0]))
        whole = self._chances[0][0]
        self._share = Share(float(whole[-1]), float(whole[max(0, N_BINS - shell)]), float(whole[-1]))

    @property
    def share(self) -> Share:
        """The probability, under the law, of meeting the limit: an upper value and bounds."""
        return self._share

    def meets(self, archs: Archs) -> NDArray[np.bool_]:
        """Tell for each arch whether it is within the limit."""
        within: NDArray[np.bool_] = self._exact(archs)[0] <= self._most
        return within

    def _look_ahead(self) -> list[NDArray[np.float64]]:
        """For each step the probability of staying under a budget: shape (n_sources, n_bins + 1)."""
        chances = [np.ones((1, N_BINS + 1))]
        for step, shifts in zip(reversed(self._steps), reversed(self._shifts), strict=True):
            before = np.zeros((step.n_sources, N_BINS + 1))
            for source, target, shift, chance in zip(step.source, step.target, shifts, step.probability, strict=True):
                shift_add(before[source], chances[-1][target], int(shift), chance)
            chances.append(before)
        return chances[::-1]

    def draw(self, n: int, rng: np.random.Generator) -> Archs:
        """Draw archs that meet the limit, with replacement.

        Returns
        -------
        uint8, shape (n, n_slots), C-contiguous.

        Raises
        ------
        InfeasibleError
            If a hundred rounds do not find ``n`` archs: nearly all archs at the limit lie just above it.
        """
        found: list[Archs] = []
        have = tried = 0
        for _ in range(MAX_ROUNDS):
            if have >= n:
                return np.concatenate(found)[:n] if found else np.zeros((0, self.space.n_slots), np.uint8)
            lacking = n - have
            archs = self._walk(lacking + lacking // 64 + 16, rng)
            archs = archs[self.meets(archs)]
            tried += lacking + lacking // 64 + 16
            have += len(archs)
            found.append(archs)
        if have >= n:
            return np.concatenate(found)[:n]
        raise InfeasibleError(
            f"only {have} of {n} archs of space {self.space.name!r} met the limit {self.limit:g} in {tried} tries; "
            f"a limit a little {'lower' if self.is_lower else 'higher'} is met by many more"
        )

    def _walk(self, n: int, rng: np.random.Generator) -> Archs:
        columns = np.full((self.space.n_slots, n), INACTIVE, np.uint8)
        state = np.zeros(n, np.intp)
        budget = np.full(n, N_BINS, np.intp)
        for step, shifts, chances in zip(self._steps, self._shifts, self._chances[1:], strict=True):
            # A hair below 1, so that rounding never picks a move of chance 0 at the end.
            random = rng.random(n) * (1 - 2**-50)
            move = self._pick(step, shifts, chances, (state, budget, random))
            code = step.code[move]
            columns[step.slot.index] = np.where(code < step.slot.n_choices, code, INACTIVE)
            state = step.target[move]
            budget = budget - shifts[move]
        return np.ascontiguousarray(columns.T)

    @staticmethod
    def _pick(
        step: Step,
        shifts: NDArray[np.intp],
        chances: NDArray[np.float64],
        walkers: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]],
    ) -> NDArray[np.intp]:
        state, budget, random = walkers
        picked = np.zeros(len(state), np.intp)
        starts = np.searchsorted(step.source, np.arange(step.n_sources + 1))
        for source in range(step.n_sources):
            here = np.flatnonzero(state == source) if step.n_sources > 1 else np.arange(len(state))
            moves = range(starts[source], starts[source + 1])
            if len(moves) == 1:
                picked[here] = moves[0]
                continue
            left = budget[here]
            total = np.zeros(len(here))
            bounds = []
            for move in moves:
                rest = left - shifts[move]
                chance = chances[step.target[move]].take(np.maximum(rest, 0))
                total = total + np.where(rest >= 0, step.probability[move] * chance, 0.0)
                bounds.append(total)
            wanted = random[here] * total
            rank = np.zeros(len(here), np.intp)
            for bound in bounds[:-1]:
                rank += bound <= wanted
            picked[here] = rank + starts[source]
        return picked
