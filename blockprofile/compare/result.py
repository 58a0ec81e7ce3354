"""What a comparison found: indicators seed by seed, and each case against the original."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare.cases import Case
from blockprofile.compare.floors import (
    epsilon_floor,
    goal_floors,
    hypervolume_floor,
    igd_floor,
    unknown_floors,
)
from blockprofile.compare.indicators import JointFront, best_within, hypervolume_curve, joint_front
from blockprofile.compare.paired import (
    Sooner,
    adjust_holm,
    compare_paired,
    compare_speed,
    first_reached,
)
from blockprofile.compare.verdict import Floats, Indicator, Verdict
from blockprofile.errors import InfeasibleError
from blockprofile.html import html_table
from blockprofile.picture import Picture, draw, html_picture
from blockprofile.search import Problem, SearchResult

MAX_STEPS = 5_000
N_LIMITS = 3


@dataclass(frozen=True)
class Comparison:
    """Searches of several cases with the same seeds and budgets.

    Parameters
    ----------
    cases
        The first is the original.
    runs
        One list of searches per case, one search per seed.
    at
        Upper limits on the cost at which the best gain is compared; None takes three from the joint front.

    Raises
    ------
    InfeasibleError
        If no search found an arch that keeps all limits.
    """

    cases: tuple[Case, ...]
    runs: tuple[tuple[SearchResult, ...], ...]
    seeds: tuple[int, ...]
    budget: int
    at: tuple[float, ...] | None = None
    folder: Path | None = None

    def __post_init__(self) -> None:
        """Measure all searches from one reference point: the worst of theirs, where each found its own."""
        worst = np.max([run.reference for runs in self.runs for run in runs], axis=0)
        shared = tuple(
            tuple(run if np.array_equal(run.reference, worst) else replace(run, reference=worst) for run in runs)
            for runs in self.runs
        )
        object.__setattr__(self, "runs", shared)
        if not any(len(front) for fronts in self.fronts for front in fronts):
            n, limits = len(self.runs) * len(self.seeds), ", ".join(limit.text for limit in self.problem.limits)
            told = f"none of {n} searches of {self.budget:,} evaluations each found an arch that keeps all limits"
            raise InfeasibleError(f"{told}: {limits}")

    def draw(self) -> Picture:
        """Draw the fronts of all cases; a notebook shows the picture, ``.save("fronts.pdf")`` writes it."""
        return draw("show_comparison", self)

    def __repr__(self) -> str:
        cases = ", ".join(case.name for case in self.cases)
        return f"Comparison of {cases}: {len(self.seeds)} seeds of {self.budget:,} evaluations each"

    def _repr_html_(self) -> str:
        from blockprofile.compare.table import comparison_rows

        return html_table(comparison_rows(self), title=repr(self)) + html_picture(self.draw())

    @property
    def problem(self) -> Problem:
        """The original's problem: goals, limits, predictors."""
        return self.runs[0][0].problem

    @property
    def reference(self) -> Floats:
        """The reference point of the hypervolume, each goal in its own direction: float64, shape (m,)."""
        return self.problem.natural(self.runs[0][0].reference)

    @cached_property
    def fronts(self) -> tuple[tuple[Floats, ...], ...]:
        """The minimised fronts by case and seed, each of shape (n, m); empty where nothing is feasible."""
        return tuple(tuple(run.front.points for run in runs) for runs in self.runs)

    @cached_property
    def joint(self) -> JointFront:
        """The non-dominated points of all searches."""
        return joint_front([front for fronts in self.fronts for front in fronts])

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Numbers of evaluations at which the curves are known: each one, or about 5,000 evenly spaced."""
        step = -(-self.budget // MAX_STEPS)
        return np.arange(step, self.budget + step, step).clip(max=self.budget)

    @cached_property
    def curves(self) -> Floats:
        """The hypervolume at `ends`: float64, shape (n_cases, n_seeds, n_ends)."""
        return np.array([
            [
                hypervolume_curve(run.archive.points, run.archive.violations <= 0, run.reference, self.ends)
                for run in runs
            ]
            for runs in self.runs
        ])  # fmt: skip

    @cached_property
    def gain_and_cost(self) -> tuple[int, int] | None:
        """The first goal to be maximised and the first to be minimised, or None if one of them is not there."""
        directions = [goal.direction for goal in self.problem.goals]
        if not {"max", "min"} <= set(directions):
            return None
        return directions.index("max"), directions.index("min")

    @cached_property
    def cost_limits(self) -> tuple[float, ...]:
        """The limits on the cost: those given, or the quartiles of the joint front's cost to three digits."""
        if self.gain_and_cost is None:
            return ()
        if self.at is not None:
            return self.at
        costs = self.joint.points[:, self.gain_and_cost[1]]
        shares = np.arange(1, N_LIMITS + 1) / (N_LIMITS + 1)
        return tuple(dict.fromkeys(float(f"{value:.3g}") for value in np.quantile(costs, shares)))

    @cached_property
    def indicators(self) -> tuple[Indicator, ...]:
        """All figures of merit."""
        goals, floors, unaudited = self.problem.goals, self.goal_floors, unknown_floors(self.problem)
        found = [
            Indicator(
                "hypervolume", "hypervolume", self.problem.hypervolume_unit, is_more_better=True,
                values=self.curves[:, :, -1],
                floor=hypervolume_floor(self.fronts[0], self.runs[0][0].reference, floors), unaudited=unaudited,
            )
        ]  # fmt: skip
        if len(goals) == 1:
            sign = -1.0 if goals[0].direction == "max" else 1.0
            best = self._each(lambda front: sign * float(front[:, 0].min()) if len(front) else np.nan)
            better = goals[0].direction == "max"
            title = f"best {goals[0].name}"
            return (
                Indicator(
                    "best", title, self.units[0], is_more_better=better, values=best, floor=float(floors[0]),
                    unaudited=unaudited,
                ),
            )  # fmt: skip
        plus = self._each(self.joint.igd_plus)
        epsilon = self._each(self.joint.epsilon)
        scaled = (
            ("igd_plus", "IGD+ (scaled goals)", plus, igd_floor(self.joint, floors)),
            ("epsilon", "additive epsilon (scaled goals)", epsilon, epsilon_floor(self.joint, floors)),
        )
        found += [
            Indicator(name, title, "", is_more_better=False, values=values, floor=floor, unaudited=unaudited)
            for name, title, values, floor in scaled
        ]
        return (*found, *self._within_limits())

    @cached_property
    def goal_floors(self) -> Floats:
        """By how much the predictors' own errors move each goal, at the original's fronts: float64, shape (m,)."""
        metrics = [run.front.metrics for run in self.runs[0]]
        values = {name: np.concatenate([each[name] for each in metrics]) for name in metrics[0]}
        return goal_floors(self.problem, values)

    def _each(self, value: Callable[[Floats], float]) -> Floats:
        return np.array([[value(front) for front in fronts] for fronts in self.fronts])

    def _within_limits(self) -> Sequence[Indicator]:
        if self.gain_and_cost is None:
            return []
        gain, cost = self.gain_and_cost
        units, names, floor = self.units, self.problem.names, float(self.goal_floors[gain])
        of_gain = self.problem.goals[gain].metrics
        unaudited = tuple(metric for metric in unknown_floors(self.problem) if metric in of_gain)
        found = []
        for limit in self.cost_limits:
            values = np.array([
                [
                    best_within(-run.archive.points[kept, gain], run.archive.points[kept, cost], limit)
                    for run in runs
                    for kept in [run.archive.violations <= 0]
                ]
                for runs in self.runs
            ])  # fmt: skip
            title = f"best {names[gain]} at {names[cost]} <= {limit:g} {units[cost]}"
            found.append(
                Indicator(
                    f"best_at_{limit:g}", title, units[gain], is_more_better=True, values=values, floor=floor,
                    unaudited=unaudited,
                )
            )  # fmt: skip
        return found

    @property
    def units(self) -> tuple[str, ...]:
        """The goals' units; empty for a reward."""
        return self.problem.units

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every other case against the original, in every indicator."""
        found = []
        for indicator in self.indicators:
            paired = [compare_paired(values, indicator.values[0]) for values in indicator.values[1:]]
            adjusted = adjust_holm(np.array([one.p_t for one in paired]))
            n_with = np.isfinite(indicator.values).sum(axis=1)
            found += [
                Verdict(case.name, indicator, one, float(p), (int(n), int(n_with[0])))
                for case, one, p, n in zip(self.cases[1:], paired, adjusted, n_with[1:], strict=True)
            ]
        return tuple(found)

    @cached_property
    def sooner(self) -> Mapping[str, Sooner]:
        """Case -> how much sooner it reaches, seed by seed, the hypervolume that the original ends with.

        Seeds in which the original ends with none are left out: everything reaches that at once.
        """
        levels = self.curves[0, :, -1]
        counted = levels > 0

        def needed(case: int) -> Floats:
            return np.array([
                first_reached(curve, self.ends, level)
                for curve, level in zip(self.curves[case], levels, strict=True)
            ])  # fmt: skip

        theirs = needed(0)
        return {
            case.name: compare_speed(needed(place)[counted], theirs[counted], budget=self.budget)
            for place, case in enumerate(self.cases)
            if place
        }
