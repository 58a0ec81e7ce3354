"""Intervals of fitted predictors hold for the truth, at the rate that they promise; without labels they do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from blockprofile.predict.labelled import LabelledArchs
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.corrected import PREDICTOR, TRUTH
from blockprofile.profile.responses import MetricInfo, Settings, response_table
from blockprofile.space import Space, draw_archs, load_space
from tests.profile.truths import METRIC, Truth, beside_truth, make_truth, profile_fitted
from tests.toy import additive_predictor


@pytest.fixture(scope="module")
def truth() -> Truth:
    return make_truth(load_space("ofa_mbv3"), seed=5)


def _profiles(truth: Truth, n_labels: int, repetitions: int, **options: bool) -> pd.DataFrame:
    return pd.concat(
        profile_fitted(truth, n_labels=n_labels, n_pool=20_000, seed=seed, noise=0.7, **options)
        for seed in range(repetitions)
    )


@pytest.mark.parametrize("is_uneven", [False, True], ids=["even", "uneven"])
def test_intervals_hold_for_the_truth(truth: Truth, is_uneven: bool) -> None:
    found = _profiles(truth, 300, 8, is_uneven=is_uneven)
    assert (found["holds_for"] == TRUTH).all()
    rates = found.groupby("statistic")["is_covered"].mean()
    assert 0.93 < rates["M_ulb"] < 0.97
    assert rates[["M_b", "M_d"]].min() > 0.88


def test_intervals_of_the_predictor_alone_do_not(truth: Truth) -> None:
    found = _profiles(truth, 300, 4, is_uneven=False, corrected=False)
    assert (found["holds_for"] == PREDICTOR).all()
    assert found["is_covered"].mean() < 0.5


def test_a_predictor_that_is_wrong_is_put_right_where_labels_are(toy: Space) -> None:
    """A predictor that says 0: what it leaves is the label, and the figures are those of the labels."""
    archs = draw_archs(toy, 400, np.random.default_rng(1))
    labels = additive_predictor(toy).predict(archs).astype(np.float64)
    seen = Accumulator(toy, [METRIC], n_planned=2000)
    pool = draw_archs(toy, 2000, np.random.default_rng(2))
    seen.add(pool, {METRIC: np.zeros(2000, np.float32)})
    # No label at the last block of the first layer.
    layer = toy.layer_slots[0].index
    kept = archs[:, layer] != 2
    labelled = LabelledArchs(archs[kept], labels[kept], np.ones(int(kept.sum())), "")
    info = {METRIC: MetricInfo("%", "user", 0.0)}
    table = response_table(seen, info=info, settings=Settings(), labelled={METRIC: labelled})
    rows = table[(table["statistic"] == "M_ulb") & (table["u"] == 1) & (table["layer"] == 1)]
    assert rows["holds_for"].tolist() == [TRUTH, TRUTH, PREDICTOR]
    for code, row in zip((0, 1), rows.to_dict("records"), strict=False):
        own = labels[kept][archs[kept][:, layer] == code]
        assert row["value"] == pytest.approx(own.mean(), rel=1e-6)
        assert row["effect"] == pytest.approx(own.mean() - labels[kept].mean(), rel=1e-6)
        assert 0 < row["freedom"] < kept.sum()
    last = rows.iloc[2]
    assert (last["value"], last["effect"], last["se"]) == (0.0, 0.0, 0.0)
    means = table[table["statistic"] == "M_b"]
    assert means["holds_for"].tolist() == [PREDICTOR] * 3
    assert (table.loc[table["statistic"] == "M_tau", "holds_for"] == PREDICTOR).all()
    whole = table[table["statistic"] == "mean"].iloc[0]
    assert whole["value"] == pytest.approx(labels[kept].mean())
    assert whole["se"] == pytest.approx(labels[kept].std(ddof=1) / np.sqrt(kept.sum()), rel=1e-2)


def test_the_pools_error_and_the_labels_error_add(truth: Truth) -> None:
    options = {"n_labels": 300, "n_pool": 3000, "seed": 0, "noise": 0.7, "is_uneven": False}
    both = profile_fitted(truth, **options)
    pool = profile_fitted(truth, **options, corrected=False)
    assert (both["se"] > pool["se"]).all()
    assert (both["freedom"] < pool["freedom"]).mean() > 0.9
    assert beside_truth(both.drop(columns=["true", "is_covered"]), truth)["is_covered"].mean() > 0.9
