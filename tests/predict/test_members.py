"""Members of a fit: what is kept, and tables under the names of a space."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from blockprofile.predict import AdditivePredictor, build_predictor, read_card
from blockprofile.predict.additive_tables import AdditiveTables
from blockprofile.predict.crossfit import RESIDUALS_NAME, cut_folds, read_residuals
from blockprofile.predict.fit import fit_recipe
from blockprofile.predict.labels import LabelTable
from blockprofile.predict.members import choose_kind
from blockprofile.predict.onehot import OneHot
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.repeats import split_archs
from blockprofile.predict.training import TrainingOptions
from blockprofile.space import Space, draw_archs, load_space
from tests.toy import all_archs

BARE = TrainingOptions(widths=(2,), epochs=1, min_steps=1)
RECIPE = Recipe(schema="blockprofile.recipe/1", table="t.csv", space="x", metrics={"score": {}}, options=BARE, folds=4)


def test_a_network_must_be_better_beyond_chance() -> None:
    rng = np.random.default_rng(0)
    labels = rng.normal(size=50)
    alone = (labels + rng.normal(size=50)).astype(np.float32)
    half = (labels + (alone - labels) * 0.5).astype(np.float32)
    hardly = (labels + (alone - labels) * np.where(np.arange(50) < 49, 1.0, 0.9)).astype(np.float32)
    assert not choose_kind(labels, alone, half).is_additive
    assert choose_kind(labels, half, alone).is_additive
    assert choose_kind(labels, alone, hardly).is_additive


def test_sums_need_no_network_at_any_resolution(toy: Space, tmp_path: Path) -> None:
    archs = np.repeat(all_archs(toy), 2, axis=0)
    resolutions = np.where(np.arange(len(archs)) % 2 == 0, 16, 32)
    labels = np.where(archs == 255, 0.0, archs + 1.0) @ np.arange(1.0, 8) + 100 * (resolutions == 32)
    table = LabelTable(Path("t.csv"), archs, {"score": labels}, resolutions)
    (report,) = fit_recipe(table, toy, RECIPE, out=tmp_path)
    assert report.choice.is_additive
    card = read_card(report.folder)
    assert (card.kind, card.resolutions) == ("table", (16, 32))
    for resolution in (16, 32):
        predictor = build_predictor((card, report.folder), toy.at_resolution(resolution))
        assert isinstance(predictor, AdditivePredictor)
        at = resolutions == resolution
        np.testing.assert_allclose(predictor.predict(archs[at]), labels[at], rtol=1e-4)


def test_the_depth_of_layers_that_share_a_block_is_seen(tmp_path: Path) -> None:
    space = load_space("mnasnet")
    archs = draw_archs(space, 400, np.random.default_rng(0))
    depths = space.depths(archs)
    table = LabelTable(Path("t.csv"), archs, {"score": depths @ np.arange(1.0, 1 + depths.shape[1])}, None)
    (report,) = fit_recipe(table, space, RECIPE, out=tmp_path)
    assert report.fidelity.r2 > 0.9999


def test_residuals_of_tables_are_of_those_that_have_not_seen_the_arch(toy: Space, tmp_path: Path) -> None:
    archs = all_archs(toy)[::4]
    labels = np.random.default_rng(2).normal(size=len(archs))
    table = LabelTable(Path("t.csv"), archs, {"score": labels}, None)
    (report,) = fit_recipe(table, toy, RECIPE, out=tmp_path)
    assert report.choice.is_additive
    rows = split_archs(archs, holdout=0.1, seed=0)[0]
    folds = cut_folds(archs[rows], folds=4, seed=0)
    inputs = OneHot.of(toy)
    places = inputs.rows(archs[rows])
    left = np.empty(len(rows))
    for fold in range(4):
        tables = AdditiveTables.fit(places[folds != fold], labels[rows][folds != fold], n_rows=inputs.n_rows)
        told = tables.constant + tables.values[places[folds == fold]].sum(axis=1)
        left[folds == fold] = labels[rows][folds == fold] - told
    found = read_residuals(report.folder / RESIDUALS_NAME, toy)
    np.testing.assert_allclose(found.values[: len(rows)], left, atol=1e-5)


def test_only_one_network_is_trained_where_tables_are_kept(toy: Space, tmp_path: Path) -> None:
    archs = all_archs(toy)
    table = LabelTable(Path("t.csv"), archs, {"score": np.random.default_rng(0).normal(size=len(archs))}, None)
    seen: list[int] = []
    fit_recipe(
        table, toy, replace(RECIPE, options=replace(BARE, epochs=3)), out=tmp_path,
        progress=lambda epoch, *_: seen.append(epoch),
    )  # fmt: skip
    assert seen == [1, 2, 3]
