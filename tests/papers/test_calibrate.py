"""Calibration: the solver against closed forms, and the committed cards against a fit from the data."""

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import UnknownNameError
from blockprofile.papers.calibrate import MODELS, calibrate, fit_tied, nested_rmse
from blockprofile.predict.card import read_card

DEVICES = [name for model in MODELS for name in model.devices]
FIRST_TRY_MS = {"mace_gpu": 0.42, "snpe_gpu": 1.0, "tflite_cpu": 5.1}
"""Leave-one-out errors of a non-negative fit to pointwise and depthwise MACs, kernels, gates and h-swish elements."""


@pytest.mark.parametrize("device", DEVICES)
def test_a_fit_from_the_data_gives_the_committed_card_again(device):
    card, found = read_card(content_dir("predictors") / device), calibrate(device)
    assert card.parameters["coefficients"] == pytest.approx(found.coefficients, rel=1e-5)
    assert card.parameters["gate_passes"] == found.gate_passes
    assert card.error.rmse == pytest.approx(found.left_out_rmse, abs=6e-4)
    assert card.created["fit_rmse"] == pytest.approx(found.fit_rmse, abs=6e-4)
    assert [row["network"] for row in card.networks] == list(found.networks)
    assert [row["published_ms"] for row in card.networks] == found.published.tolist()
    np.testing.assert_allclose([row["left_out_ms"] for row in card.networks], found.left_out, atol=6e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_left_out_error_beats_the_first_try(device):
    found = calibrate(device)
    assert found.fit_rmse < found.left_out_rmse < FIRST_TRY_MS[device]
    assert all(value >= 0 for value in found.coefficients.values())


@pytest.mark.parametrize("device", DEVICES)
def test_left_out_error_holds_with_the_choice_inside_the_loop(device):
    assert nested_rmse(device) < FIRST_TRY_MS[device]


def test_left_out_means_not_seen():
    x = np.array([[1.0], [2.0], [4.0]])
    y = np.array([[1.0], [2.0], [9.0]])
    assert fit_tied(x[:2], y[:2], tie=0.0)[0, 0] == pytest.approx(1.0)
    found = calibrate("mace_gpu")
    assert not np.allclose(found.left_out, found.fitted)


def test_untied_devices_are_fitted_alone():
    rng = np.random.default_rng(0)
    x, y = rng.random((9, 3)), rng.random((9, 2))
    both = fit_tied(x, y, tie=0.0)
    for device in range(2):
        np.testing.assert_allclose(both[:, [device]], fit_tied(x, y[:, [device]], tie=0.0), atol=1e-9)


def test_a_strong_tie_makes_devices_alike():
    rng = np.random.default_rng(1)
    x = rng.random((9, 2))
    y = x @ np.array([[1.0, 3.0], [2.0, 2.0]])
    loose, tight = fit_tied(x, y, tie=1e-6), fit_tied(x, y, tie=1e6)
    np.testing.assert_allclose(loose, [[1, 3], [2, 2]], atol=1e-3)
    np.testing.assert_allclose(tight[:, 0], tight[:, 1], rtol=1e-3)


def test_coefficients_are_never_negative():
    x = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    assert fit_tied(x, np.array([[3.0], [2.0], [1.0]]), tie=0.0).min() == 0


def test_the_first_edition_of_the_mace_column_is_fitted_far_worse():
    first = calibrate("mace_gpu", edition="first")
    assert first.fit_rmse > 1.3
    assert first.left_out_rmse > 2
    assert first.coefficients["depthwise_macs_m"] == 0


def test_unknown_devices_are_refused():
    with pytest.raises(UnknownNameError, match="'mace_cpu' has no cost model; did you mean 'mace_gpu'"):
        calibrate("mace_cpu")
