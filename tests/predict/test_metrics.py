"""R2, MAE, RMSE, Kendall tau and the error among the best."""

from __future__ import annotations

import math

import numpy as np
import pytest

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
