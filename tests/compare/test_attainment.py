"""Attainment on grids against brute force, and the surfaces against moocore."""

from __future__ import annotations

import numpy as np
import pytest
from moocore import eaf

from blockprofile.compare import attainment_difference, attainment_surfaces
from blockprofile.compare.attainment import attained


def _runs(seed: int, n: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.random((12, 2)) for _ in range(n)]


def test_attained_is_weak_dominance() -> None:
    points = _runs(0, 1)[0]
    grid = np.linspace(0, 1, 15)
    by_hand = np.array([[(points <= (x, y)).all(axis=1).any() for y in grid] for x in grid])
    assert (attained(points, grid, grid) == by_hand).all()
    assert not attained(np.zeros((0, 2)), grid, grid).any()


def test_difference_is_antisymmetric_and_bounded() -> None:
    grid = np.linspace(0, 1, 20)
    ours, theirs = _runs(1), _runs(2)
    one = attainment_difference(ours, theirs, first=grid, second=grid).difference
    other = attainment_difference(theirs, ours, first=grid, second=grid).difference
    assert one == pytest.approx(-other)
    assert np.abs(one).max() <= 1
    assert not attainment_difference(ours, ours, first=grid, second=grid).difference.any()


@pytest.mark.parametrize(("level", "percentile"), [(0.25, 25), (0.5, 50), (1.0, 100)])
def test_surfaces_are_those_of_moocore(level: float, percentile: int) -> None:
    runs = _runs(3)
    stacked = np.concatenate([np.column_stack([run, np.full(len(run), i + 1.0)]) for i, run in enumerate(runs)])
    surface = eaf(stacked[:, :2], stacked[:, 2], percentiles=[percentile])[:, :2]
    grid = np.sort(surface[:, 0])
    expected = [surface[surface[:, 0] <= x, 1].min() for x in grid]
    assert attainment_surfaces(runs, grid, [level])[0] == pytest.approx(expected)


def test_what_no_search_attains_is_infinite() -> None:
    found = attainment_surfaces([np.array([[0.5, 0.5]]), np.zeros((0, 2))], np.array([0.1, 0.9]))
    assert np.isinf(found[:, 0]).all()
    assert found[:, 1].tolist() == [0.5, 0.5, np.inf]
