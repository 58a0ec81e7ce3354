"""Sensitivity bars: shares against brute force, and what is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import pyplot as plt

from blockprofile.plot.sensitivity import draw_sensitivities, sensitivity_data
from blockprofile.plot.style import figure_style
from blockprofile.sensitivity.find import find_sensitivities
from blockprofile.sensitivity.shares import exact_sensitivity
from blockprofile.space import Factor, Space
from tests.toy import ProductPredictor, additive_factors, additive_predictor, all_archs, arch_probabilities


def test_bars_add_up_and_depths_are_brute_force(toy: Space) -> None:
    data = sensitivity_data(exact_sensitivity(toy, additive_factors(toy), metric="latency_ms:toy"))
    assert data.names == ("u1_depth", "u1l1", "u1l2", "u2_depth", "u2l1", "u2l2", "u2l3", "rest")
    assert data.kinds[:2] == ("depth", "layer")
    assert data.units == (1, 1, 1, 2, 2, 2, 2, 0)
    assert data.shares.sum() == pytest.approx(100.0)
    assert data.shares[-1] == pytest.approx(0.0, abs=1e-9), "a sum over layers has nothing beyond its units"
    assert np.array_equal(data.lows, data.highs)
    archs = all_archs(toy)
    weights, values = arch_probabilities(toy, archs), additive_predictor(toy).predict(archs).astype(np.float64)
    mean = weights @ values
    variance = weights @ (values - mean) ** 2
    for unit in (1, 2):
        depths = toy.depths(archs)[:, unit - 1]
        explained = sum(
            weights[depths == d].sum()
            * (weights[depths == d] @ values[depths == d] / weights[depths == d].sum() - mean) ** 2
            for d in np.unique(depths)
        )
        share = data.shares[data.names.index(f"u{unit}_depth")]
        assert share == pytest.approx(100 * explained / variance, rel=1e-5)


def test_sampled_bars_have_intervals(toy: Space) -> None:
    (found,) = find_sensitivities(toy, [ProductPredictor(toy)], n=5_000)
    data = sensitivity_data(found)
    assert not data.is_exact
    assert (data.lows[:-1] < data.highs[:-1]).all()
    assert data.shares[-1] > 1.0, "a product of units interacts across units"


def test_no_bars_of_nothing(toy: Space) -> None:
    data = sensitivity_data(exact_sensitivity(toy, (Factor((), np.array(3.0)),), metric="macs_m"))
    assert np.isnan([data.shares, data.lows, data.highs]).all()
    with figure_style():
        figure = draw_sensitivities([data], title="toy", caption=["counted"])
    assert figure.axes[0].texts[0].get_text() == "the same for all archs"
    plt.close(figure)


def test_drawn_bars(toy: Space) -> None:
    exact, sampled = find_sensitivities(toy, [additive_predictor(toy), ProductPredictor(toy)], n=2_000)
    panels = [sensitivity_data(exact), sensitivity_data(sampled)]
    with figure_style():
        figure = draw_sensitivities(panels, title="toy", caption=["counted"])
    first, second = figure.axes
    assert [bar.get_height() for bar in sorted(first.patches, key=lambda bar: bar.get_x())] == pytest.approx(
        panels[0].shares.tolist()
    )
    assert [tick.get_text() for tick in first.get_xticklabels()] == ["d", "1", "2", "d", "1", "2", "3", "rest"]
    assert first.get_title() == "latency on toy, exact"
    assert second.get_title() == "top-1 accuracy"
    assert (len(first.collections), len(second.collections)) == (0, 1), "intervals where it is sampled"
    plt.close(figure)
