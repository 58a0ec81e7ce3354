"""Refitting: the committed folders are what a fit from the data gives, to the last digit."""

import shutil

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import UnknownNameError
from blockprofile.papers.recalibrate import recalibrate
from blockprofile.papers.supernet_top1 import depth_responses, load_responses, read_label_codes
from blockprofile.predict import TABLE_NAME
from blockprofile.predict.card import read_card
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
    assert recalibrate(folder) == committed
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
    assert recalibrate(folder) == before


@pytest.mark.parametrize("name", CALIBRATED)
def test_every_network_of_a_card_has_its_published_and_left_out_figure(name):
    card = read_card(content_dir("predictors") / name)
    assert card.provenance == "calibrated"
    for row in card.networks:
        figures = [value for key, value in row.items() if key != "network"]
        assert [key.split("_")[0] for key in row] == ["network", "published", "fitted", "left"]
        assert all(isinstance(value, float) and value > 0 for value in figures)


def test_labels_give_the_committed_responses_again():
    for space in ("ofa_mbv3", "ofa_proxyless"):
        codes, top1 = read_label_codes(space)
        again, committed = depth_responses(codes, top1, space=space), load_responses(space)
        assert again.base == pytest.approx(committed.base, abs=2e-5)
        assert again.points.keys() == committed.points.keys()
        for key, points in again.points.items():
            np.testing.assert_allclose(points, committed.points[key], atol=2e-5)


def test_other_predictors_are_refused():
    with pytest.raises(UnknownNameError, match=r"predictor 'note10' in .* is not one that is fitted"):
        recalibrate(content_dir("predictors") / "note10")
