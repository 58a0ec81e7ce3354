"""The predictors' own error in each figure of merit of a comparison: what a difference must exceed to say anything.

Of a metric itself that is the floor on its predictor's card. A front is moved by the floor of every goal, and the
figure moves with it. A floor that nobody knows counts as 0 here, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blockprofile.compare.indicators import JointFront
from blockprofile.search import Goal, Problem, hypervolume

Floats = NDArray[np.float64]


def metric_floors(problem: Problem) -> dict[str, float | None]:
    """Return the floor of every metric on its card, None where it is not known."""
    cards = {predictor.metric: getattr(predictor, "card", None) for predictor in problem.predictors}
    return {metric: None if card is None else card.floor for metric, card in cards.items()}


def unknown_floors(problem: Problem) -> tuple[str, ...]:
    """List the goals' metrics whose floor nobody knows."""
    floors = metric_floors(problem)
    return tuple(dict.fromkeys(m for goal in problem.goals for m in goal.metrics if floors[m] is None))


def goal_floors(problem: Problem, values: Mapping[str, NDArray[np.float32]]) -> Floats:
    """Return by how much the floors of its metrics can move each goal.

    Parameters
    ----------
    values
        The metrics of the archs at which a goal made of several metrics is moved.

    Returns
    -------
    float64, shape (m,): a metric's own floor for an `Objective`; for other goals the sum over their metrics of the
    mean change that each floor makes.
    """
    floors = metric_floors(problem)
    return np.array([_goal_floor(goal, floors, values) for goal in problem.goals])


def _goal_floor(goal: Goal, floors: Mapping[str, float | None], values: Mapping[str, NDArray[np.float32]]) -> float:
    if goal.metrics == (goal.name,):
        return floors[goal.name] or 0.0
    here = goal.minimised(values)
    moved = 0.0
    for metric in goal.metrics:
        there = {**values, metric: values[metric].astype(np.float64) + (floors[metric] or 0.0)}
        moved += float(np.abs(goal.minimised(there) - here).mean()) if len(here) else 0.0  # type: ignore[arg-type]
    return moved


def hypervolume_floor(fronts: Sequence[Floats], reference: Floats, floors: Floats) -> float:
    """Return what fronts gain on average if every point of them gets better by the floor in every goal.

    Examples
    --------
    >>> hypervolume_floor([np.array([[1.0, 1.0]])], np.array([3.0, 3.0]), np.array([0.5, 0.0]))
    1.0
    """
    return float(np.mean([hypervolume(front - floors, reference) - hypervolume(front, reference) for front in fronts]))


def igd_floor(joint: JointFront, floors: Floats) -> float:
    """Return by how much IGD+ can change at most if every point moves by the floors."""
    return float(np.linalg.norm(floors / joint.span))


def epsilon_floor(joint: JointFront, floors: Floats) -> float:
    """Return by how much the additive epsilon can change at most if every point moves by the floors."""
    return float(np.max(floors / joint.span))
