"""Repeated archs: on one side of a split, pooled to their mean, their spread the noise that was put in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import DataError, OptionError
from blockprofile.predict import read_card
from blockprofile.predict.evaluate import evaluate_predictor
from blockprofile.predict.fit import fit_recipe
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.repeats import number_archs, pool_repeats, split_archs
from blockprofile.predict.training import TrainingOptions
from blockprofile.space import Archs, Space
from tests.toy import all_archs

QUICK = TrainingOptions(widths=(16, 8), epochs=1, min_steps=100, batch=64, learning_rate=1e-2)
RECIPE = Recipe(
    schema="blockprofile.recipe/1", table="t.csv", space="toy", metrics={"score": {}}, options=QUICK, folds=0
)


def _table(archs: Archs, labels: np.ndarray, resolutions: np.ndarray | None = None) -> LabelTable:
    return LabelTable(Path("t.csv"), archs, {"score": labels}, resolutions)


def _distinct(n: int) -> Archs:
    return np.stack([np.arange(n) // 256, np.arange(n) % 256], axis=1).astype(np.uint8)


def test_numbers_follow_first_appearance(toy: Space) -> None:
    archs = all_archs(toy)[[5, 5, 2, 9, 2, 5]]
    first, numbers = number_archs(archs)
    assert (first.tolist(), numbers.tolist()) == ([0, 2, 3], [0, 0, 1, 2, 1, 0])


def test_all_rows_of_an_arch_stand_on_one_side() -> None:
    rng = np.random.default_rng(0)
    archs = _distinct(100)[rng.integers(0, 100, 700)]
    n = len(number_archs(archs)[0])
    train, held = split_archs(archs, holdout=0.2, seed=1)
    np.testing.assert_array_equal(np.sort(np.concatenate([train, held])), np.arange(700))
    sides = [{bytes(arch) for arch in archs[rows]} for rows in (train, held)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == round(0.2 * n)


def test_distinct_archs_are_split_by_a_permutation_of_rows() -> None:
    train, held = split_archs(_distinct(1000), holdout=0.1, seed=3)
    order = np.random.default_rng(3).permutation(1000)
    np.testing.assert_array_equal(held, np.sort(order[:100]))
    np.testing.assert_array_equal(train, np.sort(order[100:]))
    assert not np.array_equal(split_archs(_distinct(1000), holdout=0.1, seed=0)[1], held)


def test_an_arch_is_held_out_as_often_whether_repeated_or_not() -> None:
    archs = np.concatenate([_distinct(40), np.repeat(_distinct(1), 60, axis=0)])
    held = [0 in split_archs(archs, holdout=0.25, seed=seed)[1] for seed in range(800)]
    assert np.mean(held) == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("holdout", [0.0, 1.0, 0.001, -1.0, float("nan")])
def test_a_split_leaves_archs_on_both_sides(holdout: float) -> None:
    with pytest.raises(OptionError, match="holdout"):
        split_archs(_distinct(100), holdout=holdout, seed=0)


def test_rows_of_one_arch_cannot_be_split() -> None:
    with pytest.raises(OptionError, match="of 1 archs"):
        split_archs(np.zeros((100, 4), np.uint8), holdout=0.5, seed=0)


def test_pooled_means_counts_and_spread_are_brute_force() -> None:
    rng = np.random.default_rng(2)
    archs, labels = _distinct(30)[rng.integers(0, 30, 200)], rng.normal(size=200)
    pooled = pool_repeats(_table(archs, labels), ["score"])
    squares = 0.0
    for arch, mean, count in zip(pooled.table.archs, pooled.table.label("score"), pooled.counts, strict=True):
        part = labels[(archs == arch).all(axis=1)]
        assert (mean, count) == (pytest.approx(part.mean()), len(part))
        squares += float(np.square(part - part.mean()).sum())
    assert pooled.spreads["score"] == pytest.approx(np.sqrt(squares / (200 - len(pooled.counts))))
    assert pooled.describe("score").startswith("200 rows of 30 archs")
    assert "copies" not in pooled.describe("score")


def test_a_table_put_behind_itself_is_said_to_hold_copies() -> None:
    archs, labels = np.concatenate([_distinct(30)] * 2), np.random.default_rng(2).normal(size=30)
    pooled = pool_repeats(_table(archs, np.concatenate([labels, labels])), ["score"])
    assert "30 of 30 repeats have the very value of another: leave them out if they are" in pooled.describe("score")


def test_rows_without_repeats_are_left_as_they_are() -> None:
    labels = np.random.default_rng(0).normal(size=50)
    pooled = pool_repeats(_table(_distinct(50), labels), ["score"])
    np.testing.assert_array_equal(pooled.table.label("score"), labels)
    assert np.isnan(pooled.spreads["score"])
    assert pooled.describe("score") == ""


def test_rows_at_other_resolutions_are_no_repeats_but_stay_on_one_side() -> None:
    archs, resolutions = np.repeat(_distinct(10), 2, axis=0), np.tile([160, 224], 10)
    table = _table(archs, np.arange(20.0), resolutions)
    pooled = pool_repeats(table, ["score"])
    np.testing.assert_array_equal(pooled.table.label("score"), np.arange(20.0))
    assert pooled.table.resolutions is not None
    np.testing.assert_array_equal(pooled.table.resolutions, resolutions)
    held = split_archs(archs, holdout=0.5, seed=0)[1]
    assert sorted(set(held // 2)) == sorted(held[::2] // 2)
    assert len(held) == 10


def test_a_label_that_is_not_finite_names_its_row() -> None:
    labels = np.ones(5)
    labels[3] = np.nan
    with pytest.raises(DataError, match="row 4 holds nan"):
        pool_repeats(_table(_distinct(5), labels), ["score"])


def test_fit_and_evaluate_find_the_noise_that_was_put_in(toy: Space, tmp_path: Path) -> None:
    rng, noise = np.random.default_rng(0), 0.5
    archs = np.repeat(all_archs(toy), 6, axis=0)
    truth = np.where(archs == 255, 0.0, archs.astype(float)).sum(axis=1)
    table = _table(archs, truth + noise * rng.normal(size=len(archs)))
    (report,) = fit_recipe(table, toy, RECIPE, out=tmp_path)
    card = read_card(report.folder)
    n = len(archs) // 6
    assert report.spread == pytest.approx(noise, rel=0.1)
    assert card.error.label_spread == pytest.approx(report.spread, rel=1e-3)
    assert f"{len(archs)} rows of {n} archs" in card.error.notes
    assert card.error.n == report.fidelity.n == round(0.1 * n)
    assert report.n_train == n - report.fidelity.n
    found = evaluate_predictor((card, report.folder), toy, table, column="score")
    assert found.fidelity.n == len(found.archs) == n
    assert found.spread == report.spread
    # Means of six stray by noise / sqrt(6); the error against the truth is smaller than one row's noise.
    assert found.fidelity.rmse < noise


def test_pure_noise_of_few_archs_is_judged_on_other_archs(toy: Space, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    archs = all_archs(toy)[rng.permutation(len(all_archs(toy)))[:60]]
    level = rng.normal(size=60)
    table = _table(np.repeat(archs, 10, axis=0), np.repeat(level, 10))
    (report,) = fit_recipe(table, toy, replace(RECIPE, holdout=0.3), out=tmp_path)
    assert report.fidelity.r2 < 0.3
