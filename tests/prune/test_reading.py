"""Figures laid out by place."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.errors import OptionError
from blockprofile.profile import Profile
from blockprofile.prune.reading import read_figures
from blockprofile.space import Space
from tests.prune.profiles import COST, GAIN, by_block, made_up

VALUES = {"e2k3": 0.0, "e4k3": 0.3, "e4k5se": 0.9}


def test_layers_hold_the_effects_against_their_average_and_wider_places_the_mean_of_them(toy: Space) -> None:
    table = made_up(toy, gain=lambda u, layer, b: VALUES[b] * layer + u, cost=by_block(VALUES))
    found = read_figures(Profile(table), toy, gain=GAIN, cost=COST)
    layer = found.layers[toy.slot("u2l3").index]
    assert layer.names == ("e2k3", "e4k3", "e4k5se")
    np.testing.assert_allclose(layer.gain, np.array([-0.4, -0.1, 0.5]) * 3)
    # Against the average block of each layer: 0.4 * layer, over layers 1, 2, 3.
    np.testing.assert_allclose(found.units[2].gain, np.array([-0.4, -0.1, 0.5]) * 2)
    np.testing.assert_allclose(found.network.cost, [-0.4, -0.1, 0.5])
    assert found.network.n.tolist() == [500, 500, 500]
    np.testing.assert_allclose(found.depths[2].gain, [0.3, 0.6, 0.9])


def test_errors_add_up(toy: Space) -> None:
    table = made_up(toy, gain=by_block(VALUES), cost=by_block(VALUES), se=0.03)
    found = read_figures(Profile(table), toy, gain=GAIN, cost=COST)
    np.testing.assert_allclose(found.units[2].gain_se, 0.03 / np.sqrt(3))
    table.loc[table["statistic"] == "mean", "se"] = 0.04
    found = read_figures(Profile(table), toy, gain=GAIN, cost=COST)
    np.testing.assert_allclose(found.layers[1].gain_se, 0.05)


def test_a_choice_without_a_figure_is_left_out(toy: Space) -> None:
    table = made_up(toy, gain=by_block(VALUES), cost=by_block(VALUES))
    missing = (table["u"] == 1) & (table["layer"] == 1) & (table["block"] == "e4k3") & (table["metric"] == COST)
    found = read_figures(Profile(table[~missing]), toy, gain=GAIN, cost=COST)
    assert found.layers[toy.slot("u1l1").index].names == ("e2k3", "e4k5se")
    assert found.layers[toy.slot("u1l2").index].names == ("e2k3", "e4k3", "e4k5se")


def test_widths_compete_where_they_are_searched(mixed: Space) -> None:
    widths = {"0.5": 0.0, "0.75": 1.0, "1.0": 3.0}
    table = made_up(
        mixed,
        gain=lambda _u, _l, b: widths.get(b.partition(":")[0], 0.0),
        cost=by_block({"k3": 0.0, "k5": 1.0, "skip": -2.0}),
    )
    found = read_figures(Profile(table), mixed, gain=GAIN, cost=COST)
    assert found.widths[2].names == ("0.5", "0.75", "1.0")
    np.testing.assert_allclose(found.widths[2].gain, [0.0, 1.0, 3.0])
    np.testing.assert_allclose(found.layers[mixed.slot("u2l1").index].gain, 0, atol=1e-12)
    np.testing.assert_allclose(found.layers[mixed.slot("u2l1").index].cost, [-0.5, 0.5])
    assert found.layers[mixed.slot("u1l1").index].names == ("k3", "k5")
    assert list(found.competitions("width")) == [found.widths[2]]


def test_restricted_keeps_what_a_narrower_space_has(toy: Space) -> None:
    table = made_up(toy, gain=by_block(VALUES), cost=by_block(VALUES))
    allowed = [list(codes) for codes in toy.allowed]
    allowed[toy.slot("u1l1").index] = [0, 2]
    allowed[toy.slot("u2_depth").index] = [0, 1]
    narrow = read_figures(Profile(table), toy, gain=GAIN, cost=COST).restricted(toy.restricted(allowed, name="narrow"))
    assert narrow.layers[toy.slot("u1l1").index].names == ("e2k3", "e4k5se")
    assert narrow.depths[2].names == ("1", "2")
    assert toy.slot("u2l3").index not in narrow.layers


def test_a_metric_that_is_not_there(toy: Space) -> None:
    table = made_up(toy, gain=by_block(VALUES), cost=by_block(VALUES))
    with pytest.raises(OptionError, match=r"no metric 'latency_ms:toi'; did you mean 'latency_ms:toy'"):
        read_figures(Profile(table), toy, gain=GAIN, cost="latency_ms:toi")
