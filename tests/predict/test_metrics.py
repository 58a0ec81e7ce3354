"""R2, MAE, RMSE, Kendall tau and the error among the best."""

from __future__ import annotations

import math

import numpy as np
import pytest

from blockprofile.predict import kendall, tau_ends
from blockprofile.predict.metrics import measure_fidelity


def test_perfect_predictions() -> None:
    found = measure_fidelity(np.arange(500.0), np.arange(500.0))
    assert (found.r2, found.mae, found.rmse, found.bias) == (1.0, 0.0, 0.0, 0.0)
    assert found.kendall_tau == pytest.approx(1.0)


def test_against_formulas_written_out() -> None:
    rng = np.random.default_rng(0)
    y, p = rng.normal(size=300), rng.normal(size=300)
    found = measure_fidelity(y, p)
    assert found.r2 == pytest.approx(1 - ((p - y) ** 2).mean() / y.var())
    assert found.rmse == pytest.approx(math.sqrt(((p - y) ** 2).mean()))
    signs = [np.sign(y[i] - y[j]) * np.sign(p[i] - p[j]) for i in range(300) for j in range(i)]
    assert found.kendall_tau == pytest.approx(float(np.mean(signs)))


@pytest.mark.parametrize(("maximize", "expected"), [(True, 5.0), (False, 1.0)])
def test_the_best_percentile_is_where_labels_are_best(maximize: bool, expected: float) -> None:
    y = np.arange(200.0)
    p = y + np.where(y >= 198, 5.0, np.where(y < 2, 1.0, 0.0))
    assert measure_fidelity(y, p, maximize=maximize).best_percentile_mae == expected


def test_ties_are_corrected_for() -> None:
    assert measure_fidelity([1, 1, 2, 2], [1, 1, 2, 2]).kendall_tau == pytest.approx(1.0)


def test_equal_labels_have_no_r2() -> None:
    found = measure_fidelity([2.0, 2.0], [1.0, 3.0])
    assert math.isnan(found.r2)
    assert math.isnan(found.kendall_tau)
    assert found.mae == 1.0
    assert math.isnan(measure_fidelity([2.0], [3.0]).kendall_tau)
    assert measure_fidelity([2.0], [3.0]).mae == 1.0


@pytest.mark.parametrize(
    ("labels", "predictions", "match"),
    [([1.0, 2.0], [1.0], "one shape"), ([], [], "at least one row"), ([1.0, math.nan], [1.0, 2.0], "finite")],
)
def test_refuses(labels: list[float], predictions: list[float], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        measure_fidelity(labels, predictions)


@pytest.mark.parametrize(("r", "n"), [(0.0, 6), (0.6, 10), (0.9, 6), (0.9, 30), (0.97, 100)])
def test_the_interval_of_tau_covers_as_often_as_it_says(r: float, n: int) -> None:
    # Two normal variables with correlation r have tau = 2 / pi * asin(r).
    rng, truth, covered = np.random.default_rng(0), 2 / np.pi * np.arcsin(r), 0
    for _ in range(400):
        first = rng.normal(size=n)
        low, high = tau_ends(kendall(first, r * first + np.sqrt(1 - r * r) * rng.normal(size=n)), n)
        covered += low <= truth <= high
    assert 0.92 <= covered / 400 < 1


def test_the_interval_of_tau_knows_nothing_of_four_archs_or_of_equal_labels() -> None:
    assert tau_ends(1.0, 4) == tau_ends(float("nan"), 100) == (-1.0, 1.0)
    low, high = tau_ends(1.0, 5)
    assert -1 < low < 0.1 < 0.9 < high < 1
