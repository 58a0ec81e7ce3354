"""The range that a predictor was fitted on: the share of archs outside, and what captions say then."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from blockprofile.predict import AdditivePredictor, load_predictors
from blockprofile.predict.reach import caption_of, share_outside
from blockprofile.run.pool import PoolRequest
from blockprofile.space import Space, draw_archs, load_space
from tests.toy import all_archs


@pytest.mark.parametrize(("device", "share"), [("mace_gpu", 0.875), ("snpe_gpu", 0.888), ("tflite_cpu", 0.631)])
def test_most_of_ofa_mbv3_lies_outside(device: str, share: float) -> None:
    space = load_space("ofa_mbv3")
    (predictor,) = load_predictors(space, devices=[device], metrics=[])
    assert isinstance(predictor, AdditivePredictor)
    low, high = predictor.card.fitted_range or (np.nan, np.nan)
    values = predictor.predict(draw_archs(space, 40_000, np.random.default_rng(0)))
    sampled = float(((values < low) | (values > high)).mean())
    assert share_outside(predictor, space) == pytest.approx(sampled, abs=0.01)
    assert share_outside(predictor, space) == pytest.approx(share, abs=0.001)
    told = caption_of(predictor, space)
    assert f"{100 * share:.2g} % of the archs lie outside, error unknown there" in told
    assert "RMSE" not in told


def test_the_share_is_exact_by_enumeration(toy: Space) -> None:
    (macs,) = load_predictors(toy, metrics=["macs_m"])
    assert isinstance(macs, AdditivePredictor)
    values = np.sort(macs.predict(all_archs(toy)))
    low, high = float(values[len(values) // 7]) + 1e-4, float(values[-len(values) // 5]) - 1e-4
    card = dataclasses.replace(macs.card, fitted_range=(low, high))
    ranged = AdditivePredictor(card, toy, macs.factors)
    expected = float(((values < low) | (values > high)).mean())
    assert share_outside(ranged, toy, law="architectures") == pytest.approx(expected, abs=2e-3)

    class Plain:
        metric, unit = "macs_m", "M"

        def __init__(self) -> None:
            self.card = card

        def predict(self, archs: np.ndarray) -> np.ndarray:
            return macs.predict(archs)

    assert share_outside(Plain(), toy, law="architectures") == pytest.approx(expected, abs=0.01)


def test_within_the_range_the_error_is_quoted(toy: Space) -> None:
    (macs,) = load_predictors(toy, metrics=["macs_m"])
    assert isinstance(macs, AdditivePredictor)
    assert share_outside(macs, toy) == 0
    error = dataclasses.replace(macs.card.error, rmse=0.25, on="whole networks")
    card = dataclasses.replace(macs.card, fitted_range=(0.0, 1e9), error=error)
    assert (
        caption_of(AdditivePredictor(card, toy, macs.factors), toy)
        == "counted, RMSE 0.25 M (whole networks; within 0 to 1e+09 M)"
    )
    assert card.tell(0.0004).endswith("under 0.1 % of the archs lie outside, error unknown there")


def test_a_predictor_without_a_card_has_no_known_floor(toy: Space) -> None:
    class Own:
        metric, unit = "score", ""

        def predict(self, archs: np.ndarray) -> np.ndarray:
            return np.zeros(len(archs), np.float32)

    assert share_outside(Own(), toy) == 0
    assert caption_of(Own(), toy) == "user, floor unknown: not audited"


def test_a_limited_pool_has_a_share_of_its_own() -> None:
    request = PoolRequest(
        space="ofa_mbv3", n=1000, devices=("tflite_cpu",), metrics=(), limit="latency_ms:tflite_cpu<=126"
    )
    caption = request.resolve().config["predictors"]["latency_ms:tflite_cpu"]["caption"]
    assert "outside" not in caption or "under 0.1 %" in caption
    whole = dataclasses.replace(request, limit=None).resolve().config["predictors"]["latency_ms:tflite_cpu"]["caption"]
    assert "63 % of the archs lie outside" in whole
    half = dataclasses.replace(request, limit="latency_ms:tflite_cpu<=133").resolve().config["predictors"]
    (predictor,) = load_predictors(load_space("ofa_mbv3"), devices=["tflite_cpu"], metrics=[])
    assert isinstance(predictor, AdditivePredictor)
    values = predictor.predict(draw_archs(predictor.space, 100_000, np.random.default_rng(1)))
    share = float((values[values <= 133] > 126).mean())
    assert f"{100 * share:.0f} %"[0] == half["latency_ms:tflite_cpu"]["caption"].split("; ")[1][0]
