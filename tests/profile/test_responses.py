"""Responses from pools: exact on a pool that is the law itself, within their intervals on a drawn one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from blockprofile.additive.presence import PRESENCES, Presence
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.space import Archs, Space, draw_archs
from tests.toy import (
    ProductPredictor,
    additive_predictor,
    all_archs,
    all_places,
    arch_probabilities,
    expected_additive,
    expected_product,
)

METRICS = ("latency_ms:toy", "top1_percent")


def evaluate(space: Space, archs: Archs) -> dict[str, NDArray[np.float32]]:
    return {METRICS[0]: additive_predictor(space).predict(archs), METRICS[1]: ProductPredictor(space).predict(archs)}


def law_pool(space: Space) -> Archs:
    """Repeat every arch in proportion to its probability, so that the pool is the law itself."""
    archs = all_archs(space)
    chances = arch_probabilities(space, archs)
    counts = np.rint(chances / chances.min()).astype(int)
    np.testing.assert_allclose(counts / counts.sum(), chances, rtol=1e-9)
    return np.repeat(archs, counts, axis=0)


def table_of(space: Space, archs: Archs, *, presence: Presence = "given", n_planned: int = 1000) -> pd.DataFrame:
    seen = Accumulator(space, METRICS, n_planned=n_planned)
    for part in np.array_split(archs, 3):
        seen.add(part, evaluate(space, part))
    info = {METRICS[0]: MetricInfo("ms", "counted", 0.0), METRICS[1]: MetricInfo("%", "counted", 0.0)}
    return response_table(seen, info=info, settings=Settings(presence=presence))


def cell(table: pd.DataFrame, metric: str, statistic: str, **place: object) -> pd.Series:
    rows = table[(table["metric"] == metric) & (table["statistic"] == statistic)]
    for key, value in place.items():
        rows = rows[np.isclose(rows[key], value)] if key == "tau" else rows[rows[key] == value]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("presence", PRESENCES)
def test_layer_responses_are_the_closed_form(toy: Space, presence: Presence) -> None:
    table = table_of(toy, law_pool(toy), presence=presence)
    for metric, expected in zip(METRICS, (expected_additive, expected_product), strict=True):
        whole = expected(toy)
        assert cell(table, metric, "mean")["value"] == pytest.approx(whole, rel=1e-6)
        for unit, layer, code in all_places(toy):
            row = cell(table, metric, "M_ulb", u=unit, layer=layer, block=toy.block_names[code])
            wanted = expected(toy, place=(unit, layer, code), presence=presence)
            assert row["value"] == pytest.approx(wanted, rel=1e-6)
            assert row["effect"] == pytest.approx(wanted - whole, rel=1e-5, abs=1e-5)


def test_block_responses_average_the_layers(toy: Space) -> None:
    table = table_of(toy, law_pool(toy))
    for code, name in enumerate(toy.block_names):
        wanted = [expected_product(toy, place=place) for place in all_places(toy) if place[2] == code]
        assert cell(table, METRICS[1], "M_b", block=name)["value"] == pytest.approx(np.mean(wanted), rel=1e-6)
    effects = table[(table["statistic"] == "M_b") & (table["metric"] == METRICS[1])]["effect"]
    assert effects.sum() == pytest.approx(0.0, abs=1e-6)


def test_depth_responses_are_conditional_means(toy: Space) -> None:
    pool = law_pool(toy)
    values = ProductPredictor(toy).predict(pool).astype(float)
    table = table_of(toy, pool)
    for unit in (1, 2):
        depths = toy.depths(pool)[:, unit - 1]
        for depth in toy.unit_depths(unit):
            row = cell(table, METRICS[1], "M_d", u=unit, depth=depth)
            assert row["value"] == pytest.approx(values[depths == depth].mean(), rel=1e-6)


@pytest.mark.parametrize("presence", PRESENCES)
def test_quantiles_agree_with_numpy_on_the_weighted_pool(toy: Space, presence: Presence) -> None:
    from blockprofile.additive.groups import transpose
    from blockprofile.additive.targets import block_targets
    from blockprofile.profile.sketch import layer_groups

    pool = law_pool(toy)
    values = ProductPredictor(toy).predict(pool)
    table = table_of(toy, pool, presence=presence)
    groups = layer_groups(toy)
    for target in block_targets(toy, groups, presence=presence):
        weights = target.weights[groups[target.group].number(transpose(pool))]
        for tau in (0.05, 0.5, 0.95):
            wanted = np.quantile(values, tau, weights=weights, method="inverted_cdf")
            row = cell(table, METRICS[1], "M_tau", u=target.unit, layer=target.layer, block=target.block, tau=tau)
            assert row["value"] == pytest.approx(float(wanted), rel=1e-6)


def test_sketched_quantiles_are_within_their_stated_error(toy: Space) -> None:
    pool = draw_archs(toy, 50_000, np.random.default_rng(1))
    exact, sketched = table_of(toy, pool, n_planned=1000), table_of(toy, pool, n_planned=10**9)
    rows = exact["statistic"].isin(["quantile", "M_tau"])
    error = sketched.loc[rows, "quantile_error"]
    assert (error > 0).all()
    assert (error < 0.05).all()
    # Discrete values lie on bin edges: the sketch interpolates inside one bin.
    assert ((exact.loc[rows, "value"] - sketched.loc[rows, "value"]).abs() <= error).all()
    pd.testing.assert_series_equal(exact.loc[~rows, "value"], sketched.loc[~rows, "value"])


def test_merging_parts_and_working_in_threads_gives_the_same_bits_as_one_after_the_other(toy: Space) -> None:
    pool = draw_archs(toy, 30_000, np.random.default_rng(2))
    parts = np.array_split(pool, 4)
    for planned in (1000, 10**9):
        whole, merged = (Accumulator(toy, METRICS, n_planned=planned) for _ in range(2))
        for part in parts:
            alone = Accumulator(toy, METRICS, n_planned=planned)
            alone.add(part, evaluate(toy, part))
            merged.merge(alone)
            whole.add(part, evaluate(toy, part))
        tables = [
            response_table(seen, info={}, settings=Settings(), workers=workers)
            for seen, workers in ((whole, 1), (merged, 3))
        ]
        pd.testing.assert_frame_equal(*tables, check_exact=True)


def test_accumulators_of_different_kinds_do_not_merge(toy: Space) -> None:
    with pytest.raises(ValueError, match="exact and with sketched"):
        Accumulator(toy, METRICS, n_planned=10).merge(Accumulator(toy, METRICS, n_planned=10**9))


def test_intervals_cover_the_truth_at_their_level(toy: Space) -> None:
    """Over many pools the 95 % intervals of all kinds of effects hold the exact effect in 93 to 97 %."""
    rng = np.random.default_rng(12)
    truth = table_of(toy, law_pool(toy))
    chosen = truth["statistic"].isin(["M_ulb", "M_b", "M_d"])
    hits = np.zeros(int(chosen.sum()))
    repetitions = 80
    for _ in range(repetitions):
        seen = Accumulator(toy, METRICS, n_planned=10)
        archs = draw_archs(toy, 800, rng)
        seen.moments.add(archs, evaluate(toy, archs))
        seen.quantiles.add(archs, evaluate(toy, archs))
        table = response_table(seen, info={}, settings=Settings(taus=(0.5,)))
        table = table[table["statistic"].isin(["M_ulb", "M_b", "M_d"])]
        wanted = truth.loc[chosen, "effect"].to_numpy()
        hits += (table["ci_low"].to_numpy() <= wanted) & (wanted <= table["ci_high"].to_numpy())
    assert 0.93 <= hits.mean() / repetitions <= 0.97


def test_an_effect_below_the_floor_is_never_called_one(toy: Space) -> None:
    pool = law_pool(toy)
    seen = Accumulator(toy, METRICS, n_planned=10)
    seen.add(pool, evaluate(toy, pool))
    table = response_table(seen, info={METRICS[0]: MetricInfo("ms", "counted", floor=0.5)}, settings=Settings())
    mine = table[(table["metric"] == METRICS[0]) & table["effect"].notna()]
    assert mine["is_effect"].any()
    assert not mine.loc[mine["effect"].abs() <= 0.5, "is_effect"].any()


def test_a_metric_that_never_varies_has_no_effects(toy: Space) -> None:
    archs = draw_archs(toy, 500, np.random.default_rng(0))
    seen = Accumulator(toy, ["params_m"], n_planned=10)
    seen.add(archs, {"params_m": np.full(500, 3.0, np.float32)})
    table = response_table(seen, info={}, settings=Settings())
    assert not table["is_effect"].any()
    np.testing.assert_allclose(table["value"], 3.0)


def test_a_width_and_a_block_make_a_pair(mixed: Space) -> None:
    archs = draw_archs(mixed, 20_000, np.random.default_rng(3))
    values = {"macs_m": (archs[:, mixed.slot("u2_width").index] * 10.0 + archs[:, 0]).astype(np.float32)}
    seen = Accumulator(mixed, ["macs_m"], n_planned=10)
    seen.add(archs, values)
    table = response_table(seen, info={}, settings=Settings())
    pairs = table[(table["statistic"] == "M_b") & table["block"].str.contains(":")].set_index("block")["value"]
    assert set(pairs.index) == {f"{w}:{b}" for w in (0.5, 0.75, 1.0) for b in ("k3", "k5")}
    assert pairs["1.0:k3"] == pytest.approx(20.5, abs=0.05)
    assert pairs["0.5:k5"] == pytest.approx(0.5, abs=0.05)
