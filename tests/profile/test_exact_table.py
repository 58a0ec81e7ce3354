from __future__ import annotations

import numpy as np
import pytest

from blockprofile.additive.exact import exact_profile
from blockprofile.additive.presence import PRESENCES
from blockprofile.errors import CoverageError
from blockprofile.predict import AdditivePredictor
from blockprofile.profile.accumulate import Accumulator
from blockprofile.profile.exact_table import additive_predictors, exact_table
from blockprofile.profile.responses import Settings, response_table
from blockprofile.space import Factor, Space, draw_archs
from tests.toy import ProductPredictor, additive_predictor, expected_additive, mixed_space, toy_space


@pytest.mark.parametrize("presence", PRESENCES)
def test_figures_are_the_closed_forms(presence: str) -> None:
    space = toy_space()
    table = exact_table(space, [additive_predictor(space, floor=0.5)], presence=presence, taus=[0.5])
    whole = expected_additive(space)
    cells = table[table["statistic"] == "M_ulb"]
    for row in cells.itertuples():
        place = (row.u, row.layer, space.block_names.index(row.block))
        wanted = expected_additive(space, place=place, presence=presence)
        assert row.value == pytest.approx(wanted)
        assert row.effect == pytest.approx(wanted - whole)
        assert row.is_effect == (abs(wanted - whole) > 0.5)
    assert table.loc[table["statistic"] == "mean", "value"].item() == pytest.approx(whole)
    blocks = table[table["statistic"] == "M_b"].set_index("block")
    for block in space.block_names:
        mine = cells[cells["block"] == block]
        others = mine.merge(cells, on=["u", "layer"]).groupby(["u", "layer"])["value_y"].mean()
        assert blocks["value"][block] == pytest.approx(mine["value"].mean())
        assert blocks["effect"][block] == pytest.approx(mine["value"].mean() - others.mean())


@pytest.mark.parametrize("space", [toy_space(), mixed_space()], ids=lambda space: space.name)
def test_a_sampled_profile_agrees_row_by_row(space: Space) -> None:
    predictor = additive_predictor(space)
    archs = draw_archs(space, 40_000, np.random.default_rng(1))
    seen = Accumulator(space, [predictor.metric], n_planned=len(archs))
    seen.add(archs, {predictor.metric: predictor.predict(archs)})
    sampled = response_table(seen, info={}, settings=Settings(taus=(0.05, 0.5)))
    exact = exact_table(space, [predictor], taus=(0.05, 0.5))
    assert list(sampled.columns) == list(exact.columns)
    keys = ["statistic", "tau", "u", "layer", "block", "depth"]
    both = sampled.merge(exact, on=keys, suffixes=("", "_exact"))
    assert len(both) == len(exact) == len(sampled)
    means = both[both["statistic"].isin(["M_ulb", "M_b", "M_d", "M_factor", "M_pair"])]
    scores = (means["effect"] - means["effect_exact"]) / means["se"]
    assert scores.abs().max() < 4.5
    assert 0.6 < scores.std() < 1.4


def test_rounding_is_no_effect() -> None:
    space = toy_space()
    slot = space.slot("u1l1").index
    card = additive_predictor(space).card
    for factors in ((), (Factor((slot,), np.array([0.1, 0.2, 0.7, 0.0])),)):
        predictor = AdditivePredictor(card, space, (Factor((), np.array(0.3)), *factors))
        table = exact_table(space, [predictor], taus=(0.05, 0.5))
        assert (table.loc[table["is_effect"], "effect"].abs() > 1e-3).all()
        assert table["is_effect"].any() == bool(factors)


def test_without_taus_there_are_no_quantiles() -> None:
    space = toy_space()
    table = exact_table(space, [additive_predictor(space)], taus=[])
    assert set(table["statistic"]) == {"mean", "M_ulb", "M_b", "M_d", "M_factor"}
    assert len(table[table["statistic"] == "M_d"]) == len(exact_profile(space, [()]).depths)


def test_metrics_that_do_not_add_up_are_left_out() -> None:
    space = toy_space()
    additive, product = additive_predictor(space), ProductPredictor(space)
    assert additive_predictors([product, additive]) == (additive,)
    with pytest.raises(CoverageError, match="none of top1_percent adds up over operators"):
        additive_predictors([product])
