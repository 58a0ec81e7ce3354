"""Judging again: a card's error and floor from its recipe's held-out rows; the ceiling that a network keeps."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import DefinitionError, UnknownNameError
from blockprofile.predict import build_predictor, find_metric
from blockprofile.predict.card import read_card
from blockprofile.predict.judge import judge_again
from blockprofile.predict.neural import NetworkPredictor
from blockprofile.space import draw_archs, load_space

NAME = "top1_percent_ofa_ofa_resnet50"
RECIPE = content_dir("data") / "labels" / "ofa_resnet50_ofa.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(content_dir("predictors") / NAME, tmp_path / NAME)
    return tmp_path / NAME


def test_judging_again_gives_the_committed_card(folder: Path) -> None:
    committed = read_card(folder)
    text = (folder / "card.yaml").read_text(encoding="utf-8")
    (folder / "card.yaml").write_text(
        text.replace(f"floor: {committed.floor}", "floor: 7.0").replace("ceiling: ", "# "), encoding="utf-8"
    )
    assert read_card(folder).floor == 7.0
    assert read_card(folder).ceiling is None
    again = judge_again(folder, RECIPE)
    assert again.error.rmse == pytest.approx(committed.error.rmse, rel=1e-4)
    assert (again.ceiling, again.label_error, again.title) == (82.98701, committed.label_error, committed.title)
    assert again.floor == pytest.approx(committed.floor, rel=1e-3)


def test_a_recipe_without_the_metric_is_refused(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="has no metric 'top1_percent:ofa'; did you mean 'top1_percent'"):
        judge_again(folder, content_dir("data") / "labels" / "ofa_mbv3_supernet.yaml")


def test_nothing_exceeds_the_ceiling() -> None:
    space = load_space("ofa_resnet50")
    card, folder = find_metric("top1_percent:ofa", space)
    largest = space.base.n_slots
    archs = draw_archs(space, 4_000, np.random.default_rng(0))
    archs[:1000, [slot.index for slot in space.slots if slot.kind == "width"]] = 2
    archs[:1000, [slot.index for slot in space.slots if slot.kind == "resolution"]] = 0
    kept = build_predictor((card, folder), space.at_resolution(256))
    free = build_predictor((dataclasses.replace(card, ceiling=None), folder), space.at_resolution(256))
    assert isinstance(kept, NetworkPredictor)
    assert isinstance(free, NetworkPredictor)
    values, unbounded = kept.predict(archs), free.predict(archs)
    assert card.ceiling == 82.98701
    assert unbounded.max() > np.float32(card.ceiling)  # what the network says beyond what its teacher can
    assert values.max() == np.float32(card.ceiling)
    assert np.array_equal(values, np.minimum(unbounded, np.float32(card.ceiling)))
    assert np.array_equal(kept.predict_jointly([kept], archs)[0], values)
    additive = free.predict(archs) - free.predict_rest(archs)
    assert additive + kept.predict_rest(archs) == pytest.approx(values, rel=1e-6)
    assert largest == archs.shape[1]


def test_a_ceiling_is_for_networks_and_a_range_has_an_order(tmp_path: Path) -> None:
    for line, message in (
        ("ceiling: 3.0", "ceiling belongs to networks alone"),
        ("fitted_range: [3, 2]", "least value first"),
    ):
        text = (content_dir("predictors") / "pixel1" / "card.yaml").read_text(encoding="utf-8")
        (tmp_path / "card.yaml").write_text(f"{text}{line}\n", encoding="utf-8")
        with pytest.raises(DefinitionError, match=message):
            read_card(tmp_path)
