"""Judging again: a card's error and floor from its recipe's held-out rows; the ceiling that a network keeps."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blockprofile.cli.main import main
from blockprofile.content import content_dir
from blockprofile.errors import DataError, DefinitionError, OptionError, UnknownNameError
from blockprofile.predict import build_predictor, find_metric
from blockprofile.predict.card import read_card
from blockprofile.predict.recipe import Recipe, find_table, read_recipe
from blockprofile.space import draw_archs, load_space

RECIPE = content_dir("data") / "labels" / "ofa_resnet50_ofa.yaml"


def test_nothing_exceeds_the_ceiling() -> None:
    space = load_space("ofa_resnet50")
    card, folder = find_metric("top1_percent:ofa", space)
    largest = space.base.n_slots
    archs = draw_archs(space, 4_000, np.random.default_rng(0))
    archs[:1000, [slot.index for slot in space.slots if slot.kind == "width"]] = 2
    archs[:1000, [slot.index for slot in space.slots if slot.kind == "resolution"]] = 0
    kept = build_predictor((card, folder), space.at_resolution(256))
    free = build_predictor((dataclasses.replace(card, ceiling=None), folder), space.at_resolution(256))
    values, unbounded = kept.predict(archs), free.predict(archs)
    assert card.ceiling == 82.98701
    assert unbounded.max() > np.float32(card.ceiling)  # what the network says beyond what its teacher can
    assert values.max() == np.float32(card.ceiling)
    assert np.array_equal(values, np.minimum(unbounded, np.float32(card.ceiling)))
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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("label_error: {mae: -1}", "labels' error must be finite and above 0"),
        ("fitted_range: [1, .inf]", "must be finite"),
        ("floor: .nan", "floor: nan is no number"),
        ("floor: -0.1", "must be finite and at least 0, or empty"),
    ],
)
def test_figures_of_a_card_make_sense(tmp_path: Path, line: str, message: str) -> None:
    text = (content_dir("predictors") / "pixel1" / "card.yaml").read_text(encoding="utf-8")
    kept = [row for row in text.splitlines() if not row.startswith(line.split(":", maxsplit=1)[0])]
    (tmp_path / "card.yaml").write_text("\n".join([*kept, line]) + "\n", encoding="utf-8")
    with pytest.raises(DefinitionError, match=message):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"label_error": {"mae": "0.1"}}, "label_error of 'y': mae is '0.1'; must be a number"),
        ({"label_error": {"rsme": 0.1}}, "must hold mae or rmse, and on"),
        ({"label_error": 0.1}, "label_error of 'y' is 0.1"),
        ({"ceiling": "high"}, "ceiling of 'y' is 'high'; must be a finite number"),
        ({"ceiling": float("nan")}, "ceiling of 'y' is nan"),
        ({"floor": 0.0}, "floor of 'y' is what a fit finds out"),
    ],
)
def test_what_a_recipe_says_of_labels_is_checked(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Recipe(schema="blockprofile.recipe/1", table="t.csv", space="moga", metrics={"y": entry})


def test_evaluate_gives_the_error_under_each_law(capsys: pytest.CaptureFixture[str]) -> None:
    table = content_dir("data") / "labels" / "ofa_resnet50.parquet"
    given = ["predictor", "evaluate", "top1_percent:ofa", str(table), "--space", "ofa_resnet50", "--holdout", "0.01"]
    assert main([*given, "--law", "halves", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["by_law"].keys() == {"papers", "extremes"}
    middle = (told["by_law"]["papers"]["mae"] + told["by_law"]["extremes"]["mae"]) / 2
    assert told["mae"] == pytest.approx(middle, rel=0.1)
    assert main([*given, "--law", "paper"]) == 2
    assert "law of a table 'paper' is unknown; did you mean 'papers'" in capsys.readouterr().err


def test_a_recipe_names_its_table_with_digest_and_origin(tmp_path: Path) -> None:
    recipes = sorted(RECIPE.parent.glob("*.yaml"))
    assert recipes
    for path in recipes:
        recipe = read_recipe(path)
        assert recipe.origin
        assert find_table(recipe, path) == path.parent / recipe.table  # and the digest is right
    path, recipe = tmp_path / "r.yaml", dataclasses.replace(read_recipe(RECIPE), table="t.csv", origin="the moon")
    with pytest.raises(UnknownNameError, match=r"t.csv does not exist, recipe .*r.yaml needs it.* from the moon"):
        find_table(recipe, path)
    (tmp_path / "t.csv").write_text("arch\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"t.csv has SHA-256 \w{64}, recipe .*r.yaml was made for 2fc0be"):
        find_table(recipe, path)
    with pytest.raises(OptionError, match="sha256 is 'abc'; must be 64 digits"):
        dataclasses.replace(recipe, sha256="abc")
