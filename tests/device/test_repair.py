"""Corrections: exact recovery, and the leave-one-out error against the plain loop."""

import numpy as np
import pytest

from blockprofile.device.repair import MODELS, choose_repair, fit_repairs

RNG = np.random.default_rng(0)
SUMS = RNG.uniform(5, 15, 40)
COUNTS = RNG.integers(10, 25, 40).astype(float)


@pytest.mark.parametrize(
    ("truth", "model"),
    [
        (SUMS, "none"),
        (SUMS + 1.5, "offset"),
        (SUMS + 0.3 + 0.05 * COUNTS, "offset and overhead per operator"),
        (1.1 * SUMS - 0.2, "offset and scale"),
    ],
)
def test_the_model_that_made_the_times_is_found(truth: np.ndarray, model: str) -> None:  # type: ignore[type-arg]
    repairs = fit_repairs(SUMS, COUNTS, truth + 1e-3 * RNG.standard_normal(40))
    best = choose_repair(repairs)
    assert best.model == model
    assert best.apply(SUMS, COUNTS) == pytest.approx(truth, abs=2e-3)


def test_left_out_errors_are_those_of_the_plain_loop() -> None:
    truth = 1.1 * SUMS + RNG.standard_normal(40)
    scale = next(r for r in fit_repairs(SUMS, COUNTS, truth) if r.model == "offset and scale")
    errors = []
    for i in range(40):
        keep = np.arange(40) != i
        slope, offset = np.polyfit(SUMS[keep], truth[keep], 1)
        errors.append(truth[i] - slope * SUMS[i] - offset)
    assert scale.cv_rmse_ms == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    assert scale.rmse_ms < scale.cv_rmse_ms


def test_noise_alone_is_not_repaired() -> None:
    repairs = fit_repairs(SUMS, COUNTS, SUMS + np.tile([0.3, -0.3], 20))
    assert [repair.model for repair in repairs] == list(MODELS)
    assert choose_repair(repairs).model == "none"


def test_models_that_cannot_be_told_apart_are_left_out() -> None:
    models = [repair.model for repair in fit_repairs(SUMS, np.full(40, 20.0), SUMS)]
    assert "offset and overhead per operator" not in models
    assert [repair.model for repair in fit_repairs(SUMS[:2], COUNTS[:2], SUMS[:2])] == ["none"]
