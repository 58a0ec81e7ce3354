"""One rule for scales: labels, evaluations and tables that cannot be in their metric's unit are pointed out."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.predict import Evaluator, load_predictors
from blockprofile.predict.scale import doubt_labels, doubt_scale, mean_macs
from blockprofile.space import Space, draw_archs


@pytest.mark.parametrize(
    ("metric", "labels", "match"),
    [
        ("top1_percent", [0.7, 0.8], "fractions of 1"),
        ("top1_percent", [70, 120], "between 0 and 100"),
        ("latency_ms:x", [0.01, 0.02], "look like seconds.*such as 10"),
        ("latency_ms:x", [7_600, 12_800], "look like microseconds.*such as 7.6"),
        ("latency_ms:x", [-1, 12], "expected above 0"),
        ("macs_m", [2e8, 3e8], "millions"),
    ],
)
def test_wrong_scales_are_pointed_out(metric: str, labels: list[float], match: str) -> None:
    import re

    assert re.search(match, doubt_scale(metric, np.array(labels), macs=2e8))


@pytest.mark.parametrize(
    ("metric", "labels"),
    [("top1_percent", [70, 80]), ("latency_ms:x", [2, 40]), ("macs_m", [200, 600]), ("score", [0, 1])],
)
def test_right_scales_are_left_alone(metric: str, labels: list[float]) -> None:
    assert doubt_scale(metric, np.array(labels), macs=2e8) == ""


@pytest.mark.parametrize("device", ["mace_gpu", "snpe_gpu", "tflite_cpu"])
def test_a_thousand_times_more_or_less_is_noticed(moga: Space, device: str) -> None:
    archs = draw_archs(moga, 100, np.random.default_rng(0))
    (latencies,) = Evaluator(moga, load_predictors(moga, devices=[device], metrics=[]))(archs).values()
    right = latencies.astype(float)
    assert doubt_labels("latency_ms:x", right, moga, archs) == ""
    assert "look like microseconds" in doubt_labels("latency_ms:x", 1000 * right, moga, archs)
    assert "look like seconds" in doubt_labels("latency_ms:x", right / 1000, moga, archs)
    assert "look like microseconds" in doubt_labels("latency_ms:x", np.full(100, 1e308), moga, archs)


def test_mean_macs_are_the_counted_ones(moga: Space) -> None:
    archs = draw_archs(moga, 100, np.random.default_rng(0))
    counted = Evaluator(moga, load_predictors(moga, metrics=["macs_m"]))(archs)["macs_m"]
    assert mean_macs(moga, archs) == pytest.approx(1e6 * counted.mean(dtype=float), rel=1e-6)


@pytest.mark.parametrize(("metric", "match"), [("latency_ms:x", "images a second"), ("top1_percent", "errors")])
def test_what_runs_against_multiply_adds_is_pointed_out(moga: Space, metric: str, match: str) -> None:
    archs = draw_archs(moga, 100, np.random.default_rng(0))
    (macs,) = load_predictors(moga, metrics=["macs_m"])
    right = macs.predict(archs).astype(np.float64) / 5
    assert doubt_labels(metric, right, moga, archs) == ""
    assert match in doubt_labels(metric, 100 - right, moga, archs)
    assert doubt_labels(metric, (100 - right)[:19], moga, archs[:19]) == ""
