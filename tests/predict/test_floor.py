"""The floor: one rule, from the errors of whole networks to that of one layer."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blockprofile.predict import list_predictors
from blockprofile.predict.card import LabelError
from blockprofile.predict.floor import effect_floor, label_rmse, mean_layers, tell_floor
from blockprofile.space import Space, draw_archs, load_space
from blockprofile.space.slots import INACTIVE


def test_errors_add_as_variances_and_spread_over_the_layers() -> None:
    assert effect_floor(2.0, n_layers=16) == 0.5
    assert effect_floor(3.0, label_error=4.0, n_layers=25) == pytest.approx(1.0)
    rng = np.random.default_rng(0)
    layers = rng.normal(size=(200_000, 9))  # nine layers with an error of 1 each
    whole = float(np.sqrt(np.mean(layers.sum(axis=1) ** 2)))
    assert effect_floor(whole, n_layers=9) == pytest.approx(1.0, rel=0.01)


def test_a_mean_absolute_error_becomes_a_root_mean_square() -> None:
    errors = np.random.default_rng(1).normal(size=400_000)
    assert label_rmse(LabelError(mae=float(np.abs(errors).mean()))) == pytest.approx(1.0, rel=0.01)
    assert label_rmse(LabelError(mae=0.1, rmse=0.3)) == 0.3
    assert label_rmse(LabelError(on="not published")) == label_rmse(None) == 0.0


@pytest.mark.parametrize("name", ["ofa_mbv3", "ofa_proxyless", "ofa_resnet50", "moga", "toy"])
def test_the_number_of_layers_is_that_of_random_archs(name: str, toy: Space) -> None:
    space = toy if name == "toy" else load_space(name)
    archs = draw_archs(space, 20_000, np.random.default_rng(2))
    active = (archs[:, [slot.index for slot in space.layer_slots]] != INACTIVE).sum(axis=1).mean()
    assert mean_layers(space) == pytest.approx(active, rel=0.01)


def test_words() -> None:
    assert tell_floor(0.02654, "ms") == "0.0265 ms"
    assert tell_floor(None, "ms") == "unknown: not audited"


@pytest.mark.parametrize(
    ("name", "own", "old"),
    [
        ("top1_percent_ofa_mbv3", 0.092, 0.01305),
        ("kirin9000_npu_ofa_mbv3", 0.54, 0.04296),
        ("rtx2080ti_gpu_ofa_mbv3", 0.081, 0.01086),
        ("threadripper2990wx_cpu_ofa_proxyless", 12.9, 1.067),
    ],
)
def test_shipped_floors_take_the_labels_own_error_in(name: str, own: float, old: float) -> None:
    card = next(card for card, folder in list_predictors() if folder.name == name)
    assert card.floor is not None
    assert card.floor > own / math.sqrt(mean_layers(load_space(card.spaces[0])))
    assert card.floor > 2 * old
    assert f"labels' own MAE {own:.3g}" in card.caption
