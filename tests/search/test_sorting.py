from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from blockprofile.search.selection import binary_tournament
from blockprofile.search.sorting import crowding_distances, nondominated, rank_points
from blockprofile.search.survival import rank_and_crowding
from tests.conftest import Freeze
from tests.search.helpers import brute_nondominated

POINTS = arrays(np.float64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.integers(0, 6).map(float))


def brute_ranks(points: np.ndarray) -> np.ndarray:
    ranks, left, rank = np.zeros(len(points), int), np.arange(len(points)), 0
    while len(left):
        best = brute_nondominated(points[left])
        ranks[left[best]] = rank
        left, rank = left[~best], rank + 1
    return ranks


def brute_crowding(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Equation 4 as it is written, for one rank without ties."""
    total = np.zeros(len(points))
    for i in range(points.shape[1]):
        order = sorted(range(len(points)), key=lambda j, i=i: points[j, i])
        span = points[order[-1], i] - points[order[0], i]
        total[order[0]] = total[order[-1]] = np.inf
        for before, here, after in zip(order[:-2], order[1:-1], order[2:], strict=True):
            total[here] += weights[i] * (points[after, i] - points[before, i]) / span
    return total


@given(POINTS)
def test_ranks_agree_with_peeling_fronts_off_and_of_equal_points_the_first_is_kept(points: np.ndarray) -> None:
    assert rank_points(points).tolist() == brute_ranks(points).tolist()
    kept = nondominated(points)
    front = points[brute_nondominated(points)]
    assert np.array_equal(np.unique(points[kept], axis=0), np.unique(front, axis=0) if len(front) else points[kept])
    for place in np.flatnonzero(kept):
        assert not (points[:place] == points[place]).all(axis=1).any()


def test_infeasible_points_follow_by_how_much_they_break() -> None:
    points = np.array([[0.0, 0.0], [2.0, 2.0], [1.0, 3.0], [3.0, 3.0], [9.0, 9.0]])
    violations = np.array([0.5, 0.0, 0.0, 0.0, 0.1])
    assert rank_points(points, violations).tolist() == [3, 0, 0, 1, 2]
    assert rank_points(points, np.ones(5)).tolist() == [0] * 5


def test_crowding_is_equation_4(frozen: Freeze) -> None:
    rng = np.random.default_rng(0)
    line = np.sort(rng.random(12))
    points = np.stack([line, -(line**2), rng.permutation(12) / 7], axis=1)
    weights = np.array([0.5, 0.2, 0.3])
    found = crowding_distances(frozen(points), frozen(np.zeros(12, np.int32)), frozen(weights))  # type: ignore[arg-type]
    np.testing.assert_allclose(found, brute_crowding(points, weights))


def test_crowding_is_per_rank_and_knows_constants() -> None:
    points = np.array([[0.0, 5.0], [1.0, 5.0], [2.0, 5.0], [0.0, 9.0], [7.0, 8.0]])
    ranks = np.array([0, 0, 0, 1, 1], np.int32)
    assert crowding_distances(points, ranks, np.array([1.0, 0.0])).tolist() == [np.inf, 1.0, np.inf, np.inf, np.inf]
    assert crowding_distances(points[:0], ranks[:0], np.array([1.0, 1.0])).tolist() == []
    assert crowding_distances(points[:1], ranks[:1], np.array([1.0, 1.0])).tolist() == [np.inf]


def test_weights_move_the_crowding() -> None:
    points = np.array([[0.0, 10.0], [1.0, 4.0], [6.0, 3.0], [10.0, 0.0]])
    ranks = np.zeros(4, np.int32)
    first = crowding_distances(points, ranks, np.array([1.0, 0.0]))
    second = crowding_distances(points, ranks, np.array([0.0, 1.0]))
    assert first[1] < first[2]
    assert second[1] > second[2]


def test_survival_takes_ranks_first_then_the_least_crowded() -> None:
    points = np.array([[0.0, 4.0], [1.0, 2.9], [1.1, 2.8], [2.0, 2.0], [4.0, 0.0], [5.0, 5.0]])
    left = rank_and_crowding(points, np.zeros(6), np.array([0.5, 0.5]), 4)
    assert sorted(left.places.tolist()) == [0, 2, 3, 4] or sorted(left.places.tolist()) == [0, 1, 3, 4]
    assert left.candidate_ranks.tolist() == [0, 0, 0, 0, 0, 1]
    assert rank_and_crowding(points, np.zeros(6), np.array([0.5, 0.5]), 99).places.tolist()[-1] == 5


def test_the_tournament_prefers_rank_then_distance() -> None:
    ranks, distances = np.array([0, 1, 1], np.int32), np.array([0.0, 9.0, 1.0])
    chosen = binary_tournament(ranks, distances, 30_000, np.random.default_rng(0))
    share = np.bincount(chosen, minlength=3) / 30_000
    # Two draws of three: the best wins unless absent (5/9), the second unless it meets the best (3/9), the last alone.
    np.testing.assert_allclose(share, [5 / 9, 3 / 9, 1 / 9], atol=0.01)


def test_a_tournament_of_equals_is_even() -> None:
    chosen = binary_tournament(np.zeros(4, np.int32), np.ones(4), 40_000, np.random.default_rng(0))
    assert np.bincount(chosen) / 40_000 == pytest.approx([0.25] * 4, abs=0.01)
