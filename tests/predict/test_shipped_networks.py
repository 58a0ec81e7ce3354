"""The shipped networks: found, covered, additive parts exact, and as good as their cards say."""

from __future__ import annotations

import dataclasses
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import ArchError, CoverageError, DataError
from blockprofile.predict import AdditivePredictor, Entry, Evaluator, build_predictor, list_predictors, load_predictors
from blockprofile.predict.evaluate import evaluate_predictor
from blockprofile.predict.floor import label_rmse, mean_layers
from blockprofile.predict.labels import LabelTable, read_labels
from blockprofile.predict.network import NetworkPredictor, build_network_predictor
from blockprofile.predict.repeats import split_archs
from blockprofile.predict.weights import WEIGHTS_NAME
from blockprofile.space import Space, draw_archs, load_space

DISTILLED = [entry for entry in list_predictors() if entry[0].provenance == "distilled"]
NAMES = [card.name for card, _ in DISTILLED]
CLOUD = ("kirin9000_npu", "rtx2080ti_gpu", "threadripper2990wx_cpu")
MAX_WEIGHTS = 1 << 20


@cache
def _labels(space: str) -> LabelTable:
    return read_labels(content_dir("data") / "labels" / f"{space}.parquet", load_space(space))


def test_all_promised_networks_are_there() -> None:
    found = {(card.metric, card.spaces) for card, _ in DISTILLED}
    latencies = {(f"latency_ms:{device}", (space,)) for device in CLOUD for space in ("ofa_mbv3", "ofa_proxyless")}
    accuracies = {("top1_percent", ("ofa_mbv3",)), ("top1_percent", ("ofa_proxyless",))}
    once_for_all = {("top1_percent:ofa", ("ofa_mbv3",)), ("top1_percent:ofa", ("ofa_resnet50",))}
    assert found == latencies | accuracies | once_for_all


@pytest.mark.parametrize("entry", DISTILLED, ids=NAMES)
def test_the_card_tells_the_truth_about_held_out_archs(entry: Entry) -> None:
    card, _ = entry
    space = load_space(card.spaces[0])
    table = _labels(space.name)
    if len(card.resolutions) == 1:
        table = dataclasses.replace(table, resolutions=None)
    _, held = split_archs(table.archs, holdout=0.1, seed=0)
    found = evaluate_predictor(entry, space, table, column=card.metric, rows=held).fidelity
    assert found.n == card.error.n
    assert found.r2 == pytest.approx(card.error.r2, abs=2e-6)
    assert found.mae == pytest.approx(card.error.mae, rel=1e-3)
    assert found.kendall_tau == pytest.approx(card.error.kendall_tau, abs=1e-5)
    assert found.best_percentile_mae == pytest.approx(card.error.best_percentile_mae, rel=1e-2)
    papers = card.error.by_law["papers"]
    assert card.error.law == "halves"
    assert 0.5 < papers.n / found.n < 0.7
    expected = np.hypot(papers.rmse, label_rmse(card.label_error)) / np.sqrt(mean_layers(space))
    assert card.floor == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("entry", DISTILLED, ids=NAMES)
def test_weights_are_small(entry: Entry) -> None:
    assert 0 < (entry[1] / WEIGHTS_NAME).stat().st_size <= MAX_WEIGHTS


@pytest.mark.parametrize("entry", DISTILLED, ids=NAMES)
def test_the_factors_are_the_additive_part(entry: Entry) -> None:
    card, _ = entry
    space = load_space(card.spaces[0]).at_resolution(card.resolutions[0])
    predictor = build_predictor(entry, space)
    assert isinstance(predictor, NetworkPredictor)
    assert predictor.factors is not None
    archs = draw_archs(space, 500, np.random.default_rng(0))
    additive = AdditivePredictor(card, space, predictor.factors).predict(archs)
    network = predictor.network
    assert network.additive is not None
    expected = network.constant + network.additive[network.rows(archs)].sum(axis=1)
    np.testing.assert_allclose(additive, expected, rtol=2e-6)
    assert np.corrcoef(additive, predictor.predict(archs))[0, 1] > 0.9


def test_all_metrics_of_a_space_at_once(ofa_mbv3: Space) -> None:
    predictors = load_predictors(ofa_mbv3, devices=CLOUD)
    archs = draw_archs(ofa_mbv3, 300, np.random.default_rng(1))
    evaluate = Evaluator(ofa_mbv3, predictors)
    found = evaluate(archs)
    assert set(found) >= {"top1_percent", *(f"latency_ms:{device}" for device in CLOUD)}
    assert not evaluate.asked  # none of unknown make
    for predictor in predictors:
        np.testing.assert_array_equal(found[predictor.metric], predictor.predict(archs))


def test_a_pruned_space_takes_the_same_predictor(ofa_mbv3: Space) -> None:
    pruned = ofa_mbv3.restricted([codes[-2:] for codes in ofa_mbv3.allowed], name="large")
    archs = draw_archs(pruned, 100, np.random.default_rng(0))
    whole, part = (load_predictors(space, metrics=["top1_percent"])[0] for space in (ofa_mbv3, pruned))
    np.testing.assert_array_equal(whole.predict(archs), part.predict(archs))


def test_refuses_other_resolutions_spaces_and_archs(ofa_mbv3: Space, moga: Space) -> None:
    entry = next(entry for entry in DISTILLED if entry[0].name == "kirin9000_npu_ofa_mbv3")
    with pytest.raises(CoverageError, match="does not cover resolution 160"):
        build_predictor(entry, ofa_mbv3.at_resolution(160))
    with pytest.raises(CoverageError, match="not space 'moga'"):
        build_predictor(entry, moga)
    with pytest.raises(DataError, match="slot"):
        build_network_predictor(*entry, moga)
    with pytest.raises(ArchError, match="uint8"):
        build_predictor(entry, ofa_mbv3).predict(np.zeros((2, ofa_mbv3.n_slots)))  # type: ignore[arg-type]


def test_damaged_weights_are_refused(ofa_mbv3: Space, tmp_path: Path) -> None:
    card, shipped = DISTILLED[NAMES.index("top1_percent_ofa_mbv3")]
    data = (shipped / WEIGHTS_NAME).read_bytes()
    (tmp_path / WEIGHTS_NAME).write_bytes(data)
    assert build_network_predictor(card, tmp_path, ofa_mbv3).metric == "top1_percent"
    for damaged in (data[:1000], data[:-1], b"", b"x" * 5000):
        (tmp_path / WEIGHTS_NAME).write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read as safetensors"):
            build_network_predictor(card, tmp_path, ofa_mbv3)
    (tmp_path / WEIGHTS_NAME).unlink()
    with pytest.raises(DataError, match="does not exist"):
        build_network_predictor(card, tmp_path, ofa_mbv3)
