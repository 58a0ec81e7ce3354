"""Indicators against their definitions by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.compare import best_within, hypervolume_curve, joint_front
from blockprofile.search import hypervolume

FRONTS = [np.array([[0.0, 10.0], [2.0, 4.0]]), np.array([[1.0, 6.0], [4.0, 0.0], [5.0, 5.0]])]


def test_joint_front_keeps_what_nothing_dominates() -> None:
    joint = joint_front(FRONTS)
    assert joint.points.tolist() == [[0, 10], [1, 6], [2, 4], [4, 0]]
    assert joint.low.tolist() == [0, 0]
    assert joint.span.tolist() == [4, 10]


def test_igd_plus_and_epsilon_by_definition() -> None:
    joint = joint_front(FRONTS)
    reference, front = joint.scale(joint.points), joint.scale(FRONTS[0])
    lack = np.maximum(front[None, :, :] - reference[:, None, :], 0)
    assert joint.igd_plus(FRONTS[0]) == pytest.approx(np.sqrt((lack**2).sum(axis=2)).min(axis=1).mean())
    worst = (front[None, :, :] - reference[:, None, :]).max(axis=2).min(axis=1).max()
    assert joint.epsilon(FRONTS[0]) == pytest.approx(worst)
    assert joint.igd_plus(joint.points) == pytest.approx(0)
    assert joint.epsilon(joint.points) == pytest.approx(0)


def test_an_empty_front_has_no_distance() -> None:
    joint = joint_front(FRONTS)
    assert np.isnan(joint.igd_plus(np.zeros((0, 2))))
    assert np.isnan(joint.epsilon(np.zeros((0, 2))))


def test_a_single_point_scales_without_division_by_zero() -> None:
    joint = joint_front([np.array([[1.0, 2.0]])])
    assert joint.span.tolist() == [1, 1]
    assert joint.igd_plus(np.array([[1.0, 3.0]])) == pytest.approx(1.0)


def test_curve_is_the_hypervolume_of_every_beginning() -> None:
    rng = np.random.default_rng(0)
    points, feasible = rng.random((40, 2)), rng.random(40) < 0.8
    reference, ends = np.array([1.0, 1.0]), np.arange(1, 41)
    curve = hypervolume_curve(points, feasible, reference, ends)
    by_hand = [hypervolume(points[:n][feasible[:n]], reference) for n in ends]
    assert curve == pytest.approx(by_hand)
    assert (np.diff(curve) >= -1e-12).all()


def test_best_within() -> None:
    gain, cost = np.array([1.0, 3.0, 2.0]), np.array([1.0, 5.0, 2.0])
    assert best_within(gain, cost, 2.0) == 2.0
    assert np.isnan(best_within(gain, cost, 0.5))
