"""From names to a problem: spaces, goals, limits and predictors as a user gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

from blockprofile.errors import OptionError
from blockprofile.metric import ACCURACY, match_metric, parse_metric
from blockprofile.options import Options, refuse_text
from blockprofile.predict import (
    Card,
    Entry,
    Predictor,
    add_entry,
    build_predictor,
    caption_of,
    default_accuracy,
    find_device,
    find_metric,
    noise_of,
)
from blockprofile.run import Limit, describe_card, describe_predictor, parse_limit
from blockprofile.search.objectives import Goal, Objective, parse_objective
from blockprofile.search.problem import Problem
from blockprofile.search.reward import Reward
from blockprofile.space import Space, check_law


@dataclass(frozen=True, slots=True)
class Aims(Options):
    """What a search is for.

    Parameters
    ----------
    objectives
        Goals, or text for `parse_objective`. None at all means top-1 accuracy and the devices' latencies.
    limits
        Limits, or text for `parse_limit`.
    devices
        Devices by name or folder.
    metrics
        Further metrics to record, by name or folder. Goals and limits find what ``devices``, ``metrics`` and
        ``predictors`` bring before what is shipped; a column alone (``latency_ms``) means the only one of them.
    predictors
        The user's own predictors, used before shipped ones of the same metric. One without a card is asked for the
        archs of the budget and 8 of them again (see `SearchResult.asked`); with an attribute ``noise`` once for each.
    reference
        The reference point of the hypervolume, one value for each goal in its own direction. None takes
        `reference_point`, and for a goal of an own predictor the worst arch that was evaluated: two searches are then
        compared only by a reference that is given.
    law
        Of the first generation: ``papers`` or ``architectures``.
    """

    objectives: Sequence[str | Goal] = ()
    _: KW_ONLY
    limits: Sequence[str | Limit] = ()
    devices: Sequence[str] = ()
    metrics: Sequence[str] = ()
    predictors: Sequence[Predictor] = ()
    reference: Sequence[float] | None = None
    law: str = "papers"

    def __post_init__(self) -> None:
        refuse_text(objectives=self.objectives, limits=self.limits, devices=self.devices, metrics=self.metrics)
        check_law(self.law)

    @classmethod
    def of(cls, aims: Aims | Sequence[str | Goal]) -> Aims:
        """Take objectives alone for the whole."""
        return aims if isinstance(aims, Aims) else cls(aims)

    def describe(self) -> dict[str, Any]:
        """Write down what a manifest keeps as it was given."""
        return {"devices": list(self.devices), "metrics": list(self.metrics), "law": self.law}


def build_problem(space: Space, aims: Aims) -> tuple[Problem, dict[str, dict[str, Any]]]:
    """Make a problem, and describe its predictors for a manifest.

    Raises
    ------
    OptionError
        If there is nothing to search for, or goals or limits are not in order.
    UnknownNameError, CoverageError
        If a metric or device is unknown or does not cover the space.
    """
    entries: dict[str, Entry] = {}
    by_device = [add_entry(entries, find_device(device, space)) for device in aims.devices]
    recorded = [add_entry(entries, find_metric(metric, space, brought=entries)) for metric in aims.metrics]
    own = {predictor.metric: predictor for predictor in aims.predictors}
    brought = [*own, *entries]
    goals: list[Goal] = [parse_objective(goal) if isinstance(goal, str) else goal for goal in aims.objectives]
    limits = [parse_limit(limit) if isinstance(limit, str) else limit for limit in aims.limits]
    if not goals:
        goals = _default_goals(space, brought, by_device)
    goals = [_with_names(goal, brought) for goal in goals]
    limits = [replace(each, metric=_full_name(each.metric, brought)) for each in limits]
    wanted = [metric for goal in goals for metric in goal.metrics]
    wanted += [limit.metric for limit in limits] + by_device + recorded
    chosen: list[Predictor] = []
    described: dict[str, dict[str, Any]] = {}
    for metric in dict.fromkeys(wanted):
        if metric in own:
            chosen.append(own[metric])
            described[metric] = _describe_own(own[metric], space)
            continue
        entry = find_metric(metric, space, brought=entries)
        chosen.append(build_predictor(entry, space))
        described[metric] = describe_predictor(entry, space)
    return Problem(space, goals, predictors=chosen, limits=limits), described


def _default_goals(space: Space, brought: Sequence[str], by_device: Sequence[str]) -> list[Goal]:
    """Take what is searched for unless told otherwise: the accuracy that was given or is shipped, and the devices'."""
    if not by_device:
        raise OptionError("nothing to search for: name a device or objectives, such as top1_percent:max")
    given = [metric for metric in brought if parse_metric(metric).column == ACCURACY]
    accuracy = given or [card.metric for card, _ in default_accuracy(space)]
    if not accuracy:
        raise OptionError(f"no accuracy predictor covers space {space.base.name!r}: name the objectives")
    return [parse_objective(metric) for metric in dict.fromkeys([accuracy[0], *by_device])]


def _full_name(metric: str, brought: Sequence[str]) -> str:
    """Complete a column such as ``latency_ms`` to the metric of the device or predictor that was given."""
    return match_metric(metric, brought) or metric


def _with_names(goal: Goal, brought: Sequence[str]) -> Goal:
    if isinstance(goal, Objective):
        return replace(goal, metric=_full_name(goal.metric, brought))
    if isinstance(goal, Reward):
        return replace(goal, latency=_full_name(goal.latency, brought), accuracy=_full_name(goal.accuracy, brought))
    return goal


def _describe_own(predictor: Predictor, space: Space) -> dict[str, Any]:
    card = getattr(predictor, "card", None)
    caption = caption_of(predictor, space)
    if not isinstance(card, Card):
        about = {"metric": predictor.metric, "unit": predictor.unit, "provenance": "user", "floor": None}
        noise = noise_of(predictor)
        return about | {"caption": caption} | ({"noise": noise} if noise else {})
    return describe_card(card, caption)
