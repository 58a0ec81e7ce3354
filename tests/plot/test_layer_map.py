"""Maps of M_(u,l,b) and of quantile responses: figures against closed forms, colours, labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from matplotlib import pyplot as plt

from blockprofile.plot.layer_map import ABSENT, draw_layer_maps, layer_colours, layer_map_data
from blockprofile.plot.style import figure_style
from blockprofile.profile import Profile
from blockprofile.profile.exact_table import exact_table
from blockprofile.space import Space
from tests.toy import additive_predictor, all_places, expected_additive

METRIC = "latency_ms:toy"


def test_effects_are_against_the_space(toy: Space) -> None:
    data = layer_map_data(Profile(exact_table(toy, [additive_predictor(toy)], taus=())), METRIC)
    assert data.layers == ((1, 1), (1, 2), (2, 1), (2, 2), (2, 3))
    assert data.blocks == ("e2k3", "e4k3", "e4k5se")
    mean = expected_additive(toy)
    for unit, layer, code in all_places(toy):
        cell = data.effects[code, data.layers.index((unit, layer))]
        assert cell == pytest.approx(expected_additive(toy, place=(unit, layer, code)) - mean)


def test_blocks_that_a_layer_does_not_allow_are_absent(mixed: Space) -> None:
    data = layer_map_data(Profile(exact_table(mixed, [additive_predictor(mixed)], taus=())), METRIC)
    skip = data.blocks.index("skip")
    assert np.isnan(data.effects[skip, data.layers.index((1, 1))])
    assert np.isfinite(data.effects[skip, data.layers.index((1, 2))])
    assert np.isnan(data.effects[skip, data.layers.index((2, 1))])
    colours = layer_colours(data, limit=1.0)
    assert colours[skip, 0].tolist() == [ABSENT] * 3


def test_quantile_maps_take_their_tau(toy: Space) -> None:
    table = exact_table(toy, [additive_predictor(toy)], taus=(0.05, 0.95))
    low, high = (layer_map_data(Profile(table), METRIC, statistic="M_tau", tau=tau) for tau in (0.05, 0.95))
    rows = table[(table["statistic"] == "M_tau") & (table["tau"] == 0.95)]
    first = rows[(rows["u"] == 1) & (rows["layer"] == 1) & (rows["block"] == "e2k3")]
    assert high.effects[0, 0] == first["effect"].item()
    assert not np.array_equal(low.effects, high.effects)


def test_colours_tell_sign_and_doubt(toy: Space) -> None:
    sure = layer_map_data(Profile(exact_table(toy, [additive_predictor(toy)], taus=())), METRIC)
    unsure = layer_map_data(Profile(exact_table(toy, [additive_predictor(toy, floor=1e3)], taus=())), METRIC)
    limit = float(np.abs(sure.effects).max())
    strong, faint = layer_colours(sure, limit=limit), layer_colours(unsure, limit=limit)
    highest = np.unravel_index(sure.effects.argmax(), sure.effects.shape)
    lowest = np.unravel_index(sure.effects.argmin(), sure.effects.shape)
    assert strong[highest][0] > strong[highest][2]
    assert strong[lowest][0] < strong[lowest][2]
    assert 1 - faint == pytest.approx(0.25 * (1 - strong))
    assert faint.min() > strong.min()


def test_drawn_maps_name_units_layers_and_blocks(toy: Space) -> None:
    data = layer_map_data(Profile(exact_table(toy, [additive_predictor(toy)], taus=())), METRIC)
    larger = replace(data, effects=2 * data.effects)
    with figure_style():
        figure = draw_layer_maps([data, larger], title="toy", caption=["counted"], titles=["first", ""])
    ends = [bar.get_ylim() for bar in figure.axes[2:]]
    assert ends == [(-2 * np.abs(data.effects).max(), 2 * np.abs(data.effects).max())] * 2, "one metric, one scale"
    axes = figure.axes[0]
    assert axes.get_title() == "first"
    assert figure.axes[1].get_title() == "latency on toy [ms]: effect of a block at its place"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "2", "1", "2", "3"]
    assert [text.get_text() for text in axes.texts] == ["unit 1", "unit 2"]
    assert len(axes.lines) == 1, "one line between two units"
    plt.close(figure)
