"""Intervals and p-values of quantiles and of small cells: binomial law, agreement, and nothing claimed of noise."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from blockprofile.additive.presence import PRESENCES, Presence
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.quantiles import contrast_quantiles, rank_bounds, weighted_quantiles
from blockprofile.profile.responses import DEFAULT_TAUS, Settings, response_table
from blockprofile.profile.sketch import Histogram
from blockprofile.space import Space, draw_archs
from tests.toy import additive_predictor

EFFECTS = ("M_b", "M_ulb", "M_d", "M_tau")


def profile(
    space: Space, values: np.ndarray, archs: np.ndarray, *, planned: int = 10, **options: object
) -> pd.DataFrame:
    seen = Accumulator(space, ["top1_percent"], n_planned=planned)
    seen.add(archs, {"top1_percent": values.astype(np.float32)})
    table = response_table(seen, info={}, settings=Settings(**options))  # type: ignore[arg-type]
    return table[table["statistic"].isin(EFFECTS)]


@pytest.mark.parametrize("n", [1, 2, 5, 36, 37, 200, 299, 5000])
@pytest.mark.parametrize("tau", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_bounds_are_the_order_statistics_of_the_binomial_law(n: int, tau: float) -> None:
    values = np.arange(1, n + 1, dtype=np.float32)
    found = weighted_quantiles(values, None, [tau])
    law = stats.binom(n, tau)
    ranks = np.arange(n + 1)
    rarely_few = ranks[law.cdf(ranks) <= 0.025]
    rarely_many = ranks[law.sf(ranks - 1) <= 0.025]
    assert found.low[0] == (rarely_few[-1] + 1 if len(rarely_few) else -np.inf)
    assert found.high[0] == (rarely_many[0] if len(rarely_many) else np.inf)
    assert found.values[0] == np.quantile(values, tau, method="inverted_cdf")


def test_even_weights_are_no_weights() -> None:
    values = np.sort(np.random.default_rng(0).normal(size=300))
    plain = weighted_quantiles(values, None, DEFAULT_TAUS)
    weighted = weighted_quantiles(values, np.full(300, 1.7), DEFAULT_TAUS)
    for name in ("values", "low", "high"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(weighted, name))


def test_uneven_weights_count_for_fewer_archs() -> None:
    values = np.sort(np.random.default_rng(0).normal(size=1000))
    weights = np.where(np.arange(1000) % 2 == 0, 9.0, 1.0)
    found, plain = (weighted_quantiles(values, each, [0.5]) for each in (weights, None))
    assert found.m[0] == pytest.approx(5000**2 / (500 * 82), rel=0.01)
    assert found.high[0] - found.low[0] > plain.high[0] - plain.low[0]
    # The light half lies below the quantile: its share is better known than the heavy half's.
    sorted_weights = weighted_quantiles(values, np.sort(weights), [0.1])
    assert sorted_weights.m[0] == pytest.approx(5000**2 / (500 * 82), rel=0.01)


def test_an_extreme_quantile_of_few_archs_has_no_outer_bound() -> None:
    low, high = rank_bounds([0.01, 0.99], np.array([50.0, 50.0]))
    assert low[0] == -np.inf
    assert high[1] == np.inf
    assert 0 < high[0] < 0.1 < 0.9 < low[1] < 1


@pytest.mark.parametrize("presence", PRESENCES)
@pytest.mark.parametrize("planned", [10, 10**9])
def test_a_p_value_is_small_just_where_the_interval_leaves_out_nothing(
    toy: Space, presence: Presence, planned: int
) -> None:
    rng = np.random.default_rng(5)
    for n in (40, 400, 4000):
        archs = draw_archs(toy, n, rng)
        values = rng.normal(size=n) * 3 + additive_predictor(toy).predict(archs)
        table = profile(toy, values, archs, planned=planned, presence=presence)
        excluded = (table["ci_low"] > 0) | (table["ci_high"] < 0)
        assert (excluded == (table["p_value"] < 0.05)).all()
        assert (table["ci_low"] <= table["effect"]).all()
        assert (table["effect"] <= table["ci_high"]).all()
        assert 0 < excluded.mean() < 1


def test_values_that_repeat_claim_nothing_that_is_not_there(toy: Space) -> None:
    """A metric of few values: quantiles of cells fall on either side of a step by chance alone."""
    rng = np.random.default_rng(9)
    p_values = []
    for _ in range(40):
        archs = draw_archs(toy, 300, rng)
        table = profile(toy, rng.integers(0, 3, 300), archs, taus=(1 / 3, 0.5))
        p_values.append(table.loc[table["statistic"] == "M_tau", "p_value"])
    assert (np.concatenate(p_values) <= 0.05).mean() <= 0.05


def test_two_archs_claim_nothing(toy: Space) -> None:
    archs = draw_archs(toy, 2, np.random.default_rng(0))
    table = profile(toy, np.array([1.0, 2.0]), archs)
    assert not table["is_effect"].any()
    quantiles = table[table["statistic"] == "M_tau"]
    assert np.isinf(quantiles["ci_low"]).all()
    assert np.isinf(quantiles["ci_high"]).all()
    assert quantiles["se"].isna().all()
    single = table[(table["statistic"] != "M_tau") & (table["n"] == 1)]
    assert len(single) > 0
    assert single["se"].isna().all()
    assert (single["p_value"] == 1).all()


def test_a_mean_of_few_archs_has_students_interval(toy: Space) -> None:
    """Three archs of one block, all others equal: n - 1 in the variance, t with two degrees of freedom."""
    archs = draw_archs(toy, 400, np.random.default_rng(1))
    slot = toy.slot("u1l1").index
    held = np.concatenate([archs[archs[:, slot] == 0][:3], archs[archs[:, slot] != 0]])
    values = np.zeros(len(held))
    values[:3] = [1.0, 2.0, 4.0]
    table = profile(toy, values, held, taus=())
    row = table[(table["statistic"] == "M_ulb") & (table["u"] == 1) & (table["block"] == toy.block_names[0])].iloc[0]
    alone = stats.ttest_1samp(values[:3], 0.0).confidence_interval(0.95)
    assert row["n"] == 3
    assert row["ci_high"] - row["ci_low"] == pytest.approx(alone.high - alone.low, rel=0.03)


def test_archs_that_are_all_alike_leave_a_doubt(toy: Space) -> None:
    archs = draw_archs(toy, 60, np.random.default_rng(3))
    values = (np.arange(60) % 2).astype(float)
    slot = toy.slot("u1l1").index
    few = np.flatnonzero(archs[:, slot] == 0)[:2]
    values[few] = 1.0
    held = np.concatenate([few, np.flatnonzero(archs[:, slot] != 0)])
    table = profile(toy, values[held], archs[held], taus=())
    row = table[(table["statistic"] == "M_ulb") & (table["u"] == 1) & (table["block"] == toy.block_names[0])].iloc[0]
    assert row["se"] > 0.3
    assert not row["is_effect"]


def claimed_families(space: Space, n: int, pools: int) -> dict[str, float]:
    hits: Counter[str] = Counter()
    for seed in range(pools):
        rng = np.random.default_rng([n, seed])
        table = profile(space, rng.normal(size=n), draw_archs(space, n, rng))
        hits.update(set(table.loc[table["is_effect"], "statistic"]))
    return {statistic: hits[statistic] / pools for statistic in EFFECTS}


@pytest.mark.parametrize("n", [20, 500])
def test_noise_is_claimed_in_one_family_of_twenty_at_most(toy: Space, n: int) -> None:
    """60 pools: more than 7 would come by chance once in seventy runs, were the rate 5 %."""
    assert max(claimed_families(toy, n, 60).values()) <= 7 / 60


def test_intervals_of_small_pools_cover_the_truth(toy: Space) -> None:
    predictor = additive_predictor(toy)
    rng = np.random.default_rng(4)

    def draw(size: int) -> tuple[np.ndarray, np.ndarray]:
        archs = draw_archs(toy, size, rng)
        return predictor.predict(archs) + rng.normal(size=size), archs

    taus = (0.05, 0.5, 0.95)
    truth = profile(toy, *draw(400_000), taus=taus)["effect"].to_numpy()
    held = []
    for _ in range(60):
        table = profile(toy, *draw(60), taus=taus)
        held.append((table["ci_low"] <= truth) & (truth <= table["ci_high"]))
    shares = pd.DataFrame({"statistic": table["statistic"], "held": np.mean(held, axis=0)}).groupby("statistic").mean()
    assert shares.loc["M_tau", "held"] >= 0.95, shares
    # Three, five and fifteen cells in 60 pools: within 3 standard deviations of 95 %.
    assert shares.loc[["M_b", "M_ulb", "M_d"], "held"].between(0.90, 0.99).all(), shares


def test_the_contrast_with_the_whole_itself_is_nothing() -> None:
    values = np.sort(np.random.default_rng(2).normal(size=500))
    whole = weighted_quantiles(values, None, DEFAULT_TAUS)
    same = contrast_quantiles(weighted_quantiles(values, None, DEFAULT_TAUS, whole), whole, DEFAULT_TAUS)
    np.testing.assert_array_equal(same.effects, 0.0)
    np.testing.assert_array_equal(same.p_value, 1.0)


@pytest.mark.parametrize("size", [0.0, 1e-12, -7.25, -1e10, 1e15])
def test_a_metric_of_any_size_has_sketched_quantiles(size: float) -> None:
    batches = [np.full(5, size, np.float32), np.full(3, size * 1.5, np.float32), np.zeros(2, np.float32)]
    for n in (1, 2, 3):
        values = np.concatenate(batches[:n])
        one, merged = Histogram(1), Histogram(1)
        for batch in batches[:n]:
            part = Histogram(1)
            for histogram in (one, part):
                histogram.add(np.zeros(len(batch), np.int64), batch)
            merged.merge(pickle.loads(pickle.dumps(part)))
        true = np.quantile(values.astype(np.float64), [0.1, 0.5, 0.9], method="inverted_cdf")
        for found in (one.quantiles(np.ones(1), [0.1, 0.5, 0.9]), merged.quantiles(np.ones(1), [0.1, 0.5, 0.9])):
            assert found is not None
            assert np.abs(found.values - true).max() <= one.width * (1 + 1e-9) <= max(1e-3 * abs(size), 1e-12)


def test_a_histogram_travels_in_few_bytes_and_goes_on_counting() -> None:
    rng = np.random.default_rng(5)
    here, rows = Histogram(40, np.int32), rng.integers(3, 9, 5000)
    here.add(rows, rng.normal(50, 5, 5000))
    sent = pickle.dumps(here)
    there: Histogram = pickle.loads(sent)
    assert len(sent) < here.counts.nbytes / 10
    more = rng.normal(500, 1, 5000)  # far away, so that bins must widen
    for histogram in (here, there):
        histogram.add(rows, more)
    assert (there.counts.dtype, there.width) == (np.int32, here.width)
    np.testing.assert_array_equal(there.counts, here.counts)
    assert there.counts.sum() == 10_000
