"""Responses of factors: what is arranged, what is drawn, and what the report says of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from blockprofile.plot.factors import draw_factor_panels, draw_pairs, factor_data, pair_data
from blockprofile.plot.style import figure_style
from blockprofile.predict import load_predictors
from blockprofile.profile import Profile
from blockprofile.profile.exact_table import additive_predictors, exact_table
from blockprofile.profile.summary import step_words
from blockprofile.report.document import Table
from blockprofile.report.factors import about_factors, factor_sections
from blockprofile.space import Space, load_space
from tests.profile.truths import METRIC, profile_factors
from tests.toy import mixed_space

EXPANSION, KERNEL, SE = "expansion 2->4", "kernel 3->5", "se no->yes"


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Profile the made-up truth, in which kernel and expansion interact and squeeze-and-excite does nothing."""
    return profile_factors(n=20_000, seed=3).assign(unit_of="%")


def exact(space: Space) -> pd.DataFrame:
    return exact_table(space, additive_predictors(load_predictors(space, metrics=["macs_m"], devices=[])), taus=())


def test_steps_stand_in_rows_and_units_in_columns(table: pd.DataFrame) -> None:
    (data,) = factor_data(Profile(table), METRIC)
    assert set(data.steps) == {EXPANSION, KERNEL, SE}
    assert data.units == (0, 1, 2)
    rows = table[table["statistic"] == "M_factor"]
    for row, step in enumerate(data.steps):
        for column, unit in enumerate(data.units):
            (wanted,) = rows[(rows["block"] == step) & (rows["u"] == unit)].to_dict("records")
            assert data.effects[row, column] == wanted["effect"]
            assert (data.low[row, column], data.high[row, column]) == (wanted["ci_low"], wanted["ci_high"])
            assert data.is_effect[row, column] == wanted["is_effect"]


def test_widths_depths_and_skips_have_a_scale_of_their_own() -> None:
    blocks, structure = factor_data(Profile(exact(mixed_space())), "macs_m")
    assert blocks.steps == ("kernel 3->5",)
    assert set(structure.steps) == {"skip no->yes", "width 0.5->0.75", "width 0.75->1", "depth 1->2"}
    skip = structure.steps.index("skip no->yes")
    assert np.isnan(structure.effects[skip, structure.units.index(2)])


def test_the_map_of_pairs_is_symmetric(table: pd.DataFrame) -> None:
    data = pair_data(Profile(table), METRIC)
    assert data is not None
    np.testing.assert_array_equal(data.effects, data.effects.T)
    assert np.isnan(np.diag(data.effects)).all()
    both = data.steps.index(EXPANSION), data.steps.index(KERNEL)
    wanted = table[(table["block"] == f"{EXPANSION} x {KERNEL}") & (table["u"] == 0)]
    assert data.effects[both] == wanted["effect"].item()
    assert data.is_effect[both] == wanted["is_effect"].item()


def test_a_space_without_two_factors_has_no_map(toy: Space) -> None:
    assert pair_data(Profile(exact(toy)), "macs_m") is None
    assert factor_data(Profile(exact(toy).assign(statistic="M_b")), "macs_m") == ()


def test_doubtful_bars_are_hollow_and_doubtful_pairs_in_parentheses(table: pd.DataFrame) -> None:
    parts, pairs = factor_data(Profile(table), METRIC), pair_data(Profile(table), METRIC)
    assert pairs is not None
    with figure_style():
        figure = draw_factor_panels(parts, pairs, title="t", caption=["c"])
    bars, cells = figure.axes
    hollow = [patch.get_facecolor() == (1.0, 1.0, 1.0, 1.0) for patch in bars.patches]
    assert hollow == (~parts[0].is_effect).T.ravel().tolist()
    assert any(hollow)
    told = [text.get_text() for text in cells.texts]
    assert sum(text.startswith("(") for text in told) == np.count_nonzero(np.isfinite(pairs.effects) & ~pairs.is_effect)


def test_pairs_can_be_drawn_alone(table: pd.DataFrame) -> None:
    pairs = pair_data(Profile(table), METRIC)
    assert pairs is not None
    _, ax = plt.subplots()
    draw_pairs(pairs, ax)
    assert [label.get_text() for label in ax.get_yticklabels()] == [step.replace("->", " → ") for step in pairs.steps]


def test_the_report_names_the_largest_step_and_the_largest_pair(table: pd.DataFrame) -> None:
    pair = f"{EXPANSION} x {KERNEL}"
    sure = table.assign(is_effect=table["block"].isin([EXPANSION, pair]))
    told = about_factors(Profile(sure), [METRIC])
    assert f"{step_words(EXPANSION)} changes top-1 accuracy most" in told
    assert f"{step_words(EXPANSION)} and {step_words(KERNEL)} interact most" in told
    assert "No factor of the blocks changes top-1 accuracy" in about_factors(
        Profile(sure.assign(is_effect=False)), [METRIC]
    )
    alone = sure.assign(is_effect=sure["statistic"] == "M_factor")
    assert "no two factors interact" in about_factors(Profile(alone), [METRIC])
    assert about_factors(Profile(table[table["u"] < 0]), [METRIC]) == ""


def test_the_report_has_a_table_of_steps_and_one_of_pairs(table: pd.DataFrame) -> None:
    (section,) = factor_sections(Profile(table), [METRIC], "elsewhere")
    steps, pairs = (part for part in section.parts if isinstance(part, Table))
    assert steps.columns == pairs.columns == ("step", "network", "unit 1", "unit 2")
    assert [len(part.rows) for part in (steps, pairs)] == [3, 3]
    assert factor_sections(Profile(table[table["u"] < 0]), [METRIC], "") == []


@pytest.mark.parametrize("name", ["moga", "ofa_mbv3", "ofa_resnet50", "proxylessnas"])
def test_shipped_spaces_have_factors(name: str) -> None:
    assert factor_data(Profile(exact(load_space(name))), "macs_m")
