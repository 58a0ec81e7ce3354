"""Least squares on choices: exact sums are met, and the ridge is the likeliest one by brute force."""

from __future__ import annotations

import numpy as np
import pytest

from blockprofile.additive.least_squares import SHRINKAGES, fit_choices, fit_factors
from blockprofile.space import CompiledSum, Space, draw_archs
from tests.toy import additive_factors, mixed_space, smaller_toy_space, toy_space

SIZES = (4, 3, 5)
STARTS = (0, 4, 7)
N_CHOICES = sum(SIZES)


def _draw(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.stack([start + rng.integers(0, size, n) for size, start in zip(SIZES, STARTS, strict=True)], axis=1)


def test_exact_sums_are_met_for_every_metric() -> None:
    rows = _draw(200, 0)
    values = np.random.default_rng(1).normal(size=(N_CHOICES, 2)) * [1.0, 1e4]
    labels = np.array([3.0, -7e4]) + values[rows].sum(axis=1)
    constant, found = fit_choices(rows, labels, n_choices=N_CHOICES)
    assert (np.abs(constant + found[rows].sum(axis=1) - labels) < 1e-5 * labels.std(axis=0)).all()


@pytest.mark.parametrize(("n", "noise"), [(30, 1.0), (30, 0.1), (60, 1.0)])
def test_the_ridge_is_the_likeliest_by_the_normal_density(n: int, noise: float) -> None:
    from scipy.stats import multivariate_normal

    rows = _draw(n, 2)
    rng = np.random.default_rng(3)
    labels = rng.normal(size=N_CHOICES)[rows].sum(axis=1) + noise * rng.normal(size=n)
    design = np.zeros((n, N_CHOICES))
    np.put_along_axis(design, rows, 1.0, axis=1)
    centred = labels - labels.mean()
    design -= design.mean(axis=0)

    def surprise(ridge: float) -> float:
        shape = np.eye(n) + design @ design.T / ridge
        scale = centred @ np.linalg.solve(shape, centred) / n
        return -float(multivariate_normal.logpdf(centred, cov=scale * shape))

    ridge = min(SHRINKAGES * n / N_CHOICES, key=surprise)
    expected = np.linalg.solve(design.T @ design + ridge * np.eye(N_CHOICES), design.T @ centred)
    constant, found = fit_choices(rows, labels[:, None], n_choices=N_CHOICES)
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-9)
    assert (constant + found[rows].sum(axis=1)).mean() == pytest.approx(labels.mean())


def test_with_fewer_labels_than_choices_noise_is_not_followed_and_folds_cost_little() -> None:
    """Thirty slots of eight choices, 150 labels half of which is noise: plain least squares are worse than the mean."""
    rng = np.random.default_rng(4)
    starts = 8 * np.arange(30)
    rows, fresh = (starts + rng.integers(0, 8, (n, 30)) for n in (150, 4000))
    values = rng.normal(size=240)
    signal = values[rows].sum(axis=1)
    labels = signal + signal.std() * rng.normal(size=150)
    truth = values[fresh].sum(axis=1)

    def error(*kept: np.ndarray) -> float:
        fits = [fit_choices(rows[each], labels[each, None], n_choices=240) for each in kept]
        found = np.mean([constant + table[fresh].sum(axis=1) for constant, table in fits], axis=0)[:, 0]
        return float(np.sqrt(np.mean(np.square(found - truth))) / truth.std())

    one = error(np.ones(150, bool))
    assert one < 1
    assert error(*(np.arange(150) % 5 != fold for fold in range(5))) < 1.1 * one


def test_equal_labels_have_no_effects() -> None:
    constant, found = fit_choices(_draw(10, 5), np.full((10, 1), 7.5), n_choices=N_CHOICES)
    assert constant.tolist() == [7.5]
    assert (found == 0).all()


@pytest.mark.parametrize("space", [toy_space(), mixed_space(), smaller_toy_space()], ids=lambda space: space.name)
def test_a_sum_over_slots_is_found(space: Space) -> None:
    metric = CompiledSum(space, [additive_factors(space)])
    pilot, others = (draw_archs(space, n, np.random.default_rng(n)) for n in (2000, 100))
    fitted = CompiledSum(space, [fit_factors(space, pilot, metric(pilot)[0])])
    np.testing.assert_allclose(fitted(others), metric(others), atol=1e-3)


def test_without_archs_there_is_no_sum() -> None:
    space = toy_space()
    with pytest.raises(ValueError, match="no archs to fit a sum to"):
        fit_factors(space, np.zeros((0, space.n_slots), np.uint8), np.zeros(0))
