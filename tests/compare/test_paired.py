"""Paired statistics against scipy, closed forms and edge cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from blockprofile.compare.paired import adjust_holm, compare_paired, compare_speed, first_reached


def test_difference_interval_and_tests_are_those_of_scipy() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(1.0, 1.0, 12), rng.normal(0.0, 1.0, 12)
    found = compare_paired(ours, theirs)
    t_test = stats.ttest_rel(ours, theirs)
    interval = t_test.confidence_interval(0.95)
    assert found.n == 12
    assert found.difference == pytest.approx((ours - theirs).mean())
    assert (found.ci_low, found.ci_high) == pytest.approx((interval.low, interval.high))
    assert found.p_t == pytest.approx(t_test.pvalue)
    assert found.p_wilcoxon == pytest.approx(stats.wilcoxon(ours, theirs).pvalue)


def test_effect_size_is_hedges_corrected_standardised_mean() -> None:
    differences = np.array([1.0, 2.0, 3.0, 4.0])
    found = compare_paired(differences, np.zeros(4))
    assert found.effect_size == pytest.approx(2.5 / differences.std(ddof=1) * (1 - 3 / 11))
    assert found.rank_biserial == 1.0


def test_rank_biserial_weighs_ranks() -> None:
    # Ranks 1, 2, 3 with one loss of rank 1: (2 + 3 - 1) / 6.
    assert compare_paired(np.array([-1.0, 2.0, 3.0]), np.zeros(3)).rank_biserial == pytest.approx(4 / 6)


def test_swapping_sides_changes_signs_alone() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=8), rng.normal(size=8)
    one, other = compare_paired(a, b), compare_paired(b, a)
    assert one.difference == pytest.approx(-other.difference)
    assert one.ci_low == pytest.approx(-other.ci_high)
    assert one.p_t == pytest.approx(other.p_t)
    assert one.rank_biserial == pytest.approx(-other.rank_biserial)


def test_equal_values_are_no_evidence() -> None:
    found = compare_paired(np.ones(5), np.ones(5))
    assert (found.difference, found.p_t, found.p_wilcoxon, found.effect_size, found.rank_biserial) == (0, 1, 1, 0, 0)


def test_constant_differences_have_no_width() -> None:
    found = compare_paired(np.array([1.1, 2.1, 3.1]), np.array([1.0, 2.0, 3.0]))
    assert found.ci_low == found.ci_high == pytest.approx(0.1)
    assert found.effect_size == math.inf
    assert found.p_t == 0.0


def test_nan_pairs_are_left_out() -> None:
    found = compare_paired(np.array([1.0, np.nan, 3.0]), np.array([0.0, 1.0, 1.0]))
    assert found.n == 2
    assert found.difference == pytest.approx(1.5)


@pytest.mark.parametrize(("n", "known"), [(0, False), (1, True)])
def test_too_few_pairs_have_no_interval(n: int, known: bool) -> None:
    found = compare_paired(np.ones(n), np.zeros(n))
    assert found.n == n
    assert math.isnan(found.ci_low)
    assert math.isnan(found.p_t)
    assert math.isfinite(found.difference) == known


def test_holm_multiplies_the_smallest_by_the_number_of_tests() -> None:
    adjusted = adjust_holm(np.array([0.01, 0.04, np.nan, 0.03]))
    assert adjusted[[0, 1, 3]] == pytest.approx([0.03, 0.06, 0.06])
    assert math.isnan(adjusted[2])
    assert np.isnan(adjust_holm(np.array([np.nan]))).all()
    assert adjust_holm(np.array([])).tolist() == []


def test_holm_is_that_of_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    drawn = np.random.default_rng(0).beta(0.3, 2, size=20).round(2)
    assert adjust_holm(drawn) == pytest.approx(multipletests(drawn, method="holm")[1])


def test_first_reached() -> None:
    ends = np.array([1, 2, 3])
    curve = np.array([0.0, 1.0, 1.0])
    assert first_reached(curve, ends, 1.0) == 2.0
    assert first_reached(curve, ends, 0.0) == 1.0
    assert first_reached(curve, ends, 1.1) == math.inf


def test_speed_is_a_geometric_mean_with_interval() -> None:
    ours, theirs = np.array([100.0, 200.0, 50.0]), np.array([200.0, 800.0, 400.0])
    found = compare_speed(ours, theirs, budget=1000)
    logs = np.log(theirs / ours)
    half = stats.t.ppf(0.975, 2) * logs.std(ddof=1) / math.sqrt(3)
    assert found.factor == pytest.approx(4.0)
    assert (found.ci_low, found.ci_high) == pytest.approx((4 * math.exp(-half), 4 * math.exp(half)))
    assert found.evaluations == 100.0
    assert found.words.startswith("reaches it 4.0 times sooner, 95 % interval ")
    assert compare_speed(theirs, ours, budget=1000).words == found.words.replace("sooner", "later")


def test_a_seed_that_never_arrives_leaves_an_upper_bound() -> None:
    found = compare_speed(np.array([100.0, math.inf]), np.array([400.0, 1000.0]), budget=1000)
    assert found.n_reached == 1
    assert found.factor == pytest.approx(2.0)
    assert math.isnan(found.ci_low)
    assert found.words == "reaches it in 1 of 2 seeds: at most 2.0 times sooner"
    slow = compare_speed(np.array([500.0, math.inf]), np.array([250.0, 500.0]), budget=1000)
    assert slow.words == "reaches it in 1 of 2 seeds: at least 2.0 times later"
    never = compare_speed(np.array([math.inf]), np.array([500.0]), budget=1000)
    assert never.words == "reaches it in 0 of 1 seeds"
    assert never.evaluations == math.inf
    nothing = compare_speed(np.zeros(0), np.zeros(0), budget=1000)
    assert nothing.words == "has nothing to reach: the original ends with no hypervolume"
