"""Folds by arch, networks without them, and what the labels are above predictions that have not seen them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blockprofile.errors import DataError, OptionError
from blockprofile.predict import build_predictor, read_card
from blockprofile.predict.crossfit import RESIDUALS_NAME, Residuals, cut_folds, read_residuals, write_residuals
from blockprofile.predict.fit import FitReport, fit_recipe
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.members import predict_table
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.training import TrainingOptions
from blockprofile.predict.weights import WEIGHTS_NAME, read_network
from blockprofile.space import Space, draw_archs
from tests.toy import all_archs

SMALL = TrainingOptions(widths=(16, 8), epochs=1, min_steps=60, batch=64, learning_rate=1e-2)
KEPT = {name: {"ceiling": 1e6} for name in "ab"}
"""What has a ceiling keeps its network, however little that helps."""

RECIPE = Recipe(
    schema="blockprofile.recipe/1", table="t.csv", space="toy", metrics=KEPT, options=SMALL, folds=3
)  # fmt: skip


def _table(space: Space, *, resolutions: bool = False) -> LabelTable:
    archs = np.repeat(all_archs(space)[::3], 2, axis=0)
    rng = np.random.default_rng(3)
    truth = np.where(archs == 255, 0, archs + 1.0).sum(axis=1)
    labels = {"a": truth + rng.normal(size=len(archs)), "b": 10 - truth + rng.normal(size=len(archs))}
    at = np.tile([16, 32], len(archs) // 2) if resolutions else None
    return LabelTable(Path("t.csv"), archs, labels, at)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[LabelTable, list[FitReport]]:
    from tests.toy import toy_space

    table = _table(toy_space())
    return table, fit_recipe(table, toy_space(), RECIPE, out=tmp_path_factory.mktemp("fit"))


def test_folds_are_even_and_keep_an_arch_together(toy: Space) -> None:
    archs = np.repeat(all_archs(toy)[:100], 3, axis=0)
    folds = cut_folds(archs, folds=7, seed=1)
    assert np.array_equal(folds.reshape(-1, 3), np.repeat(folds[::3, None], 3, axis=1))
    counts = np.bincount(folds[::3])
    assert len(counts) == 7
    assert np.ptp(counts) <= 1
    assert not np.array_equal(folds, cut_folds(archs, folds=7, seed=2))
    assert (cut_folds(archs, folds=0, seed=1) == -1).all()
    with pytest.raises(OptionError, match="folds is 60, for 100 archs"):
        cut_folds(archs, folds=60, seed=1)


@pytest.mark.parametrize("folds", [1, -2, 21])
def test_a_number_of_folds_that_makes_no_sense_is_refused(folds: int) -> None:
    with pytest.raises(OptionError, match="folds is"):
        replace(RECIPE, folds=folds)


def test_the_predictor_is_the_mean_of_the_members(fitted: tuple[LabelTable, list[FitReport]], toy: Space) -> None:
    table, reports = fitted
    folder = reports[1].folder
    predictor = build_predictor((read_card(folder), folder), toy)
    file = read_network(folder / WEIGHTS_NAME)
    assert file.n_members == 3
    each = [predict_table(file.member(place), toy, table) for place in range(3)]
    np.testing.assert_allclose(predictor.predict(table.archs), np.mean(each, axis=0), rtol=1e-5, atol=1e-5)
    assert np.ptp(each, axis=0).max() > 0.01


def test_residuals_are_of_networks_that_have_not_seen_the_arch(
    fitted: tuple[LabelTable, list[FitReport]], toy: Space
) -> None:
    table, reports = fitted
    found = read_residuals(reports[0].folder / RESIDUALS_NAME, toy)
    assert len(found.archs) == len(table.archs) // 2
    assert (found.rows == 2).all()
    pooled = {arch.tobytes(): label for arch, label in zip(
        table.archs[::2], table.label("a").reshape(-1, 2).mean(axis=1), strict=True
    )}  # fmt: skip
    labels = np.array([pooled[arch.tobytes()] for arch in found.archs])
    file = read_network(reports[0].folder / WEIGHTS_NAME)
    alone = LabelTable(table.path, found.archs, {}, None)
    each = np.array([predict_table(file.member(place), toy, alone) for place in range(3)])
    told = labels - found.values
    mean = each.mean(axis=0)
    n_held = round(0.1 * len(found.archs))
    n_train = len(found.archs) - n_held
    np.testing.assert_allclose(told[n_train:], mean[n_train:], atol=1e-3)
    folds = cut_folds(found.archs[:n_train], folds=3, seed=0)
    np.testing.assert_allclose(told[:n_train], each[folds, np.arange(n_train)], atol=1e-3)
    # The members that trained on an arch are nearer to its label than the one that did not.
    seen = np.abs(labels - each)[:, :n_train]
    assert seen[folds, np.arange(n_train)].mean() > seen.mean()


def test_without_folds_nothing_is_kept_and_nothing_of_an_earlier_fit_stays(toy: Space, tmp_path: Path) -> None:
    table = _table(toy)
    report = fit_recipe(table, toy, replace(RECIPE, folds=2), out=tmp_path)[0]
    assert (report.folder / RESIDUALS_NAME).is_file()
    fit_recipe(table, toy, replace(RECIPE, folds=0), out=tmp_path)
    assert not (report.folder / RESIDUALS_NAME).exists()
    assert read_network(report.folder / WEIGHTS_NAME).n_members == 1
    assert read_card(report.folder).created["folds"] == 0


def test_residuals_at_a_resolution_and_of_a_pruned_space(toy: Space, tmp_path: Path) -> None:
    archs = draw_archs(toy, 60, np.random.default_rng(0))
    whole = Residuals(archs, np.arange(60.0), np.ones(60, np.int64), np.repeat([16, 32, 0], 20))
    write_residuals(tmp_path / RESIDUALS_NAME, toy, whole)
    found = read_residuals(tmp_path / RESIDUALS_NAME, toy)
    assert found.at(toy).values.tolist() == [*range(20, 60)]
    layer = toy.layer_slots[0].index
    allowed = [codes if slot != layer else codes[1:] for slot, codes in enumerate(toy.allowed)]
    part = found.at(toy.restricted(allowed, name="part"))
    assert part.values.tolist() == [i for i in range(20, 60) if archs[i, layer] != 0]
    data = (tmp_path / RESIDUALS_NAME).read_bytes()
    (tmp_path / RESIDUALS_NAME).write_bytes(data.replace(b"residual", b"residuam"))
    with pytest.raises(DataError):
        read_residuals(tmp_path / RESIDUALS_NAME, toy)
