"""The predictors' own error in figures of merit: shifted fronts, scaled goals, goals of several metrics."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.compare.floors import (
    epsilon_floor,
    goal_floors,
    hypervolume_floor,
    igd_floor,
    metric_floors,
    unknown_floors,
)
from blockprofile.compare.indicators import joint_front
from blockprofile.predict import load_predictors
from blockprofile.search import Objective, Problem, hypervolume
from blockprofile.search.reward import parse_reward
from blockprofile.space import load_space

FRONT = np.array([[1.0, 4.0], [2.0, 2.0], [5.0, 1.0]])


def test_a_shifted_front_gains_its_floor_in_hypervolume() -> None:
    reference, floors = np.array([6.0, 6.0]), np.array([0.5, 0.25])
    alone = hypervolume(FRONT - floors, reference) - hypervolume(FRONT, reference)
    assert hypervolume_floor([FRONT, FRONT], reference, floors) == pytest.approx(alone)
    assert hypervolume_floor([FRONT], reference, np.zeros(2)) == 0.0


def test_scaled_indicators_change_by_no_more_than_their_floor() -> None:
    joint = joint_front([FRONT])
    floors = np.array([0.4, 0.3])
    worse = FRONT + np.array([1.0, 1.0])
    for of, bound in ((joint.igd_plus, igd_floor(joint, floors)), (joint.epsilon, epsilon_floor(joint, floors))):
        assert 0 < abs(of(worse + floors) - of(worse)) <= bound + 1e-12


def test_goals_of_a_metric_and_of_several() -> None:
    space = load_space("moga")
    predictors = load_predictors(space, devices=["mace_gpu"], metrics=["top1_percent"])
    cards = {each.metric: each.card for each in predictors}  # type: ignore[attr-defined]
    goals = [Objective("top1_percent", "max"), parse_reward("latency_ms:mace_gpu:9:soft")]
    problem = Problem(space, goals, predictors=predictors)
    values = {
        "top1_percent": np.array([75.0, 76.0], np.float32),
        "latency_ms:mace_gpu": np.array([8.0, 9.5], np.float32),
    }
    found = goal_floors(problem, values)
    assert found[0] == cards["top1_percent"].floor == metric_floors(problem)["top1_percent"]
    reward = goals[1]
    moved = 0.0
    for metric in reward.metrics:
        there = {**values, metric: values[metric].astype(np.float64) + cards[metric].floor}
        moved += np.abs(reward.minimised(there) - reward.minimised(values)).mean()  # type: ignore[arg-type]
    assert found[1] == pytest.approx(moved)
    assert found[1] > 0
    assert unknown_floors(problem) == ()


def test_a_table_without_an_audit_is_named() -> None:
    space = load_space("ofa_mbv3")
    predictors = load_predictors(space, devices=["note10"], metrics=["top1_percent"])
    goals = [Objective("top1_percent", "max"), Objective("latency_ms:note10", "min")]
    problem = Problem(space, goals, predictors=predictors)
    assert unknown_floors(problem) == ("latency_ms:note10",)
    assert goal_floors(problem, {})[1] == 0.0
