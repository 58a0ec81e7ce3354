"""Refitting: the committed folders are what a fit from the data gives, to the last digit."""

import csv
import shutil

import pytest

from blockprofile.content import content_dir
from blockprofile.errors import UnknownNameError
from blockprofile.papers.refit import refit_predictor, refit_responses
from blockprofile.predict import TABLE_NAME
from blockprofile.predict.card import read_card
from blockprofile.predict.published import read_published_table
from blockprofile.predict.table import read_additive_table

CALIBRATED = ["mace_gpu", "snpe_gpu", "tflite_cpu", "top1_moga"]


def _copy(name, tmp_path):
    folder = tmp_path / name
    shutil.copytree(content_dir("predictors") / name, folder)
    return folder


@pytest.mark.parametrize("name", CALIBRATED)
def test_refit_gives_the_committed_folder_again(name, tmp_path):
    folder = _copy(name, tmp_path)
    committed = read_card(folder)
    assert refit_predictor(folder) == committed
    if name == "top1_moga":
        original = content_dir("predictors") / name / TABLE_NAME
        assert read_additive_table(folder / TABLE_NAME) == pytest.approx(read_additive_table(original), abs=1e-9)


def test_refit_rewrites_figures_and_keeps_texts(tmp_path):
    folder = _copy("mace_gpu", tmp_path)
    before = read_card(folder)
    path = folder / "card.yaml"
    old = str(before.parameters["coefficients"]["serial_depth_k"])
    path.write_text(path.read_text(encoding="utf-8").replace(old, "9.0"), encoding="utf-8")
    assert read_card(folder) != before
    assert refit_predictor(folder) == before


@pytest.mark.parametrize("name", CALIBRATED)
def test_every_network_of_a_card_has_its_published_and_left_out_figure(name):
    card = read_card(content_dir("predictors") / name)
    assert card.provenance == "calibrated"
    for row in card.networks:
        figures = [value for key, value in row.items() if key != "network"]
        assert [key.split("_")[0] for key in row] == ["network", "published", "fitted", "left"]
        assert all(isinstance(value, float) and value > 0 for value in figures)


def test_labels_give_the_committed_responses_again(tmp_path):
    refit_responses(tmp_path / "again.csv")
    with (tmp_path / "again.csv").open(encoding="utf-8") as file:
        again = list(csv.DictReader(file))
    committed = read_published_table("supernet_top1")
    assert len(again) == len(committed) == 821
    for new, old in zip(again, committed, strict=True):
        assert {**new, "points": ""} == {**old, "points": ""}
        assert float(new["points"]) == pytest.approx(float(old["points"]), abs=2e-5)


def test_other_predictors_are_refused():
    with pytest.raises(UnknownNameError, match=r"predictor 'note10' in .* is not one that is fitted"):
        refit_predictor(content_dir("predictors") / "note10")
