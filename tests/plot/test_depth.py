"""Depth responses: figures against closed forms, and what is drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from blockprofile.plot.depth import depth_data, draw_depths
from blockprofile.plot.style import figure_style
from blockprofile.profile import Profile
from blockprofile.profile.exact_table import exact_table
from blockprofile.space import Space
from tests.toy import additive_predictor, all_archs, arch_probabilities

METRIC = "latency_ms:toy"


def toy_table(space: Space, *, floor: float = 0.0) -> pd.DataFrame:
    return exact_table(space, [additive_predictor(space, floor=floor)], taus=())


def test_effects_are_conditional_expectations(toy: Space) -> None:
    data = depth_data(Profile(toy_table(toy)), METRIC)
    assert data is not None
    assert data.units == {1: (1, 2), 2: (1, 2, 3)}
    archs = all_archs(toy)
    weights, values = arch_probabilities(toy, archs), additive_predictor(toy).predict(archs).astype(np.float64)
    mean = weights @ values
    expected = []
    for unit, depths in data.units.items():
        for depth in depths:
            chosen = toy.depths(archs)[:, unit - 1] == depth
            expected.append(weights[chosen] @ values[chosen] / weights[chosen].sum() - mean)
    assert data.effects == pytest.approx(np.array(expected), abs=1e-5)
    assert data.is_effect.sum() == np.count_nonzero(np.abs(data.effects) > 0)


def test_intervals_are_halved() -> None:
    row = {
        "metric": METRIC, "unit_of": "ms", "statistic": "M_d", "u": 1, "depth": 2, "effect": 1.0, "ci_low": 0.5,
        "ci_high": 1.5, "is_effect": True,
    }  # fmt: skip
    data = depth_data(Profile(pd.DataFrame([row])), METRIC)
    assert data is not None
    assert data.half_widths.tolist() == [0.5]


def test_a_space_of_fixed_depth_has_none(moga: Space) -> None:
    from blockprofile.predict import load_predictors
    from blockprofile.profile.exact_table import additive_predictors

    predictors = additive_predictors(load_predictors(moga, metrics=["macs_m"]))
    assert depth_data(Profile(exact_table(moga, predictors, taus=())), "macs_m") is None


def test_doubtful_points_are_hollow(toy: Space) -> None:
    sure, unsure = depth_data(Profile(toy_table(toy)), METRIC), depth_data(Profile(toy_table(toy, floor=1e3)), METRIC)
    assert sure is not None
    assert unsure is not None
    with figure_style():
        figure = draw_depths([sure, unsure, sure], title="toy", caption=["counted"])
    faces = [axes.collections[-1].get_facecolors() for axes in figure.axes[:2]]
    assert (faces[0] != 1.0).any(axis=1).all()
    assert (faces[1] == 1.0).all()
    assert [text.get_text() for text in figure.axes[0].texts] == ["unit 1", "unit 2"]
    assert not figure.axes[3].axison, "the fourth panel is empty"
    plt.close(figure)
