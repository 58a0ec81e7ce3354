"""From names to a problem: spaces, goals, limits and predictors as a user gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from blockprofile.errors import OptionError, one_of
from blockprofile.predict import Predictor, build_predictor, find_device, find_metric
from blockprofile.predict.card import Card
from blockprofile.predict.registry import Entry, select_entries
from blockprofile.profile.reach import caption_of
from blockprofile.run.manifest import describe_card, describe_predictor
from blockprofile.search.constraints import Constraint, parse_constraint
from blockprofile.search.objectives import Goal, Objective, parse_objective
from blockprofile.search.problem import Problem
from blockprofile.space import Space

__all__ = ["build_problem"]

_ACCURACY, _LATENCY = "top1_percent", "latency_ms"


def build_problem(
    space: Space,
    objectives: Sequence[str | Goal] = (),
    *,
    limits: Sequence[str | Constraint] = (),
    devices: Sequence[str] = (),
    metrics: Sequence[str] = (),
    predictors: Sequence[Predictor] = (),
) -> tuple[Problem, dict[str, dict[str, Any]]]:
    """Make a problem, and describe its predictors for a manifest.

    Parameters
    ----------
    objectives
        Goals, or text for `parse_objective`. None at all means top-1 accuracy and the devices' latencies.
    limits
        Constraints, or text for `parse_constraint`.
    devices
        Devices by name or folder. With one device, ``latency_ms`` alone means its latency.
    metrics
        Further metrics to record.
    predictors
        The user's own, used before shipped ones.

    Raises
    ------
    OptionError
        If there is nothing to search for, or goals or limits are not in order.
    UnknownNameError, CoverageError
        If a metric or device is unknown or does not cover the space.
    """
    by_device = [find_device(device, space) for device in devices]
    goals: list[Goal] = [parse_objective(goal) if isinstance(goal, str) else goal for goal in objectives]
    constraints = [parse_constraint(limit) if isinstance(limit, str) else limit for limit in limits]
    latencies = [card.metric for card, _ in by_device]
    if not goals:
        if not latencies:
            raise OptionError("nothing to search for: name a device or objectives, such as top1_percent:max")
        accuracy = _default_accuracy(space, predictors)
        goals = [Objective(accuracy, "max"), *(Objective(metric, "min") for metric in latencies)]
    goals = [_with_device(goal, latencies) for goal in goals]
    wanted = [metric for goal in goals for metric in goal.metrics]
    wanted += [constraint.metric for constraint in constraints] + latencies + list(metrics)
    known: dict[str, Entry] = {entry[0].metric: entry for entry in by_device}
    own = {predictor.metric: predictor for predictor in predictors}
    chosen: list[Predictor] = []
    described: dict[str, dict[str, Any]] = {}
    for metric in dict.fromkeys(wanted):
        if metric in own:
            chosen.append(own[metric])
            described[metric] = _describe_own(own[metric], space)
            continue
        entry = known.get(metric) or _find(metric, space)
        chosen.append(build_predictor(entry, space))
        described[metric] = describe_predictor(entry, space)
    return Problem(space, goals, predictors=chosen, constraints=constraints), described


def _default_accuracy(space: Space, predictors: Sequence[Predictor]) -> str:
    """Return the accuracy that is searched for unless told otherwise: the user's, or the shipped default."""
    metrics = [predictor.metric for predictor in predictors] + [card.metric for card, _ in select_entries(space)]
    found = [metric for metric in metrics if metric.partition(":")[0] == _ACCURACY]
    if not found:
        raise OptionError(f"no accuracy predictor covers space {space.base.name!r}: name the objectives")
    return found[0]


def _with_device(goal: Goal, latencies: Sequence[str]) -> Goal:
    if not isinstance(goal, Objective) or goal.metric != _LATENCY:
        return goal
    if len(latencies) != 1:
        raise OptionError(f"objective {_LATENCY!r} does not say on which device; {one_of(_LATENCY, latencies)}")
    return Objective(latencies[0], goal.direction, goal.weight)


def _find(metric: str, space: Space) -> Entry:
    device = metric.removeprefix(f"{_LATENCY}:")
    return find_device(device, space) if device != metric else find_metric(metric, space)


def _describe_own(predictor: Predictor, space: Space) -> dict[str, Any]:
    card = getattr(predictor, "card", None)
    caption = caption_of(predictor, space)
    if not isinstance(card, Card):
        return {
            "metric": predictor.metric, "unit": predictor.unit, "provenance": "user", "floor": None, "caption": caption,
        }  # fmt: skip
    return describe_card(card, caption)
