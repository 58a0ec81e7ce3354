"""Finding predictors by metric, device or folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blockprofile.content import content_dir
from blockprofile.errors import CoverageError, UnknownNameError
from blockprofile.predict import (
    Predictor,
    build_predictor,
    find_device,
    find_metric,
    list_devices,
    list_predictors,
    load_predictors,
    read_card,
    registry,
)
from blockprofile.predict.listed import ListedArchs
from blockprofile.predict.registry import default_accuracy, find_cards
from blockprofile.space import Space, build_sites, draw_archs, list_spaces, load_space
from tests.predict.test_lookup import operators_of, rows_of, write
from tests.toy import all_archs

OWN_CARD = """\
schema: blockprofile.predictor/1
name: my-phone
title: My phone
kind: lookup
metric: latency_ms:my-phone
unit: ms
device: my-phone
provenance: measured
spaces: [toy]
floor: 0.1
"""


@pytest.fixture
def own_folder(tmp_path: Path, toy: Space) -> Path:
    (tmp_path / "card.yaml").write_text(OWN_CARD, encoding="utf-8")
    write(tmp_path, rows_of(operators_of(toy)))
    return tmp_path


def test_every_shipped_folder_has_a_card_with_its_own_name() -> None:
    folders = sorted(path.name for path in content_dir("predictors").iterdir() if path.is_dir())
    assert folders == [folder.name for _, folder in list_predictors()]


def test_devices_are_the_predictors_that_name_one() -> None:
    devices = list_devices()
    assert {"note10", "pixel1", "mace_gpu", "snpe_gpu", "tflite_cpu"} <= set(devices)
    listed = [folder for entries in devices.values() for _, folder in entries]
    assert sorted(listed) == sorted(folder for card, folder in list_predictors() if card.device)


def covered() -> list[tuple[str, str]]:
    """Pair predictors with the spaces of their cards, or all spaces at one of their resolutions."""
    names = [name for name in list_spaces() if "/" not in name]
    sizes = {name: load_space(name).resolution for name in names}
    return [
        (name, folder.name)
        for card, folder in list_predictors()
        for name in card.spaces or [name for name in names if not card.resolutions or sizes[name] in card.resolutions]
        if card.provenance != "zero-cost" or name == "fashion_28"  # every arch is built: tests/zerocost
    ]


@pytest.mark.parametrize(("space_name", "folder"), covered())
def test_every_shipped_predictor_works_on_every_space_that_its_card_claims(space_name: str, folder: str) -> None:
    card, path = next(entry for entry in list_predictors() if entry[1].name == folder)
    resolution = card.resolutions[0] if card.resolutions else None
    space = load_space(space_name, resolution=resolution)
    bottlenecks = any(op and op.op == "bottleneck" for site in build_sites(space) for op in site.table.values())
    if card.kind == "cost_model" and bottlenecks:
        with pytest.raises(CoverageError):
            build_predictor((card, path), space)
        return
    predictor = build_predictor((card, path), space)
    n = 8 if card.kind == "zero_cost" else 64  # which builds every arch
    archs = (
        predictor.archs[:n] if isinstance(predictor, ListedArchs) else draw_archs(space, n, np.random.default_rng(0))
    )
    values = predictor.predict(archs)
    assert isinstance(predictor, Predictor)
    assert (predictor.metric, predictor.unit) == (card.metric, card.unit)
    assert values.shape == (n,)
    assert values.dtype == np.float32
    assert np.isfinite(values).all()
    assert len(np.unique(values)) > 1


def test_a_pruned_space_uses_its_bases_predictors(ofa_mbv3: Space) -> None:
    allowed = [codes[:2] for codes in ofa_mbv3.allowed]
    pruned = ofa_mbv3.restricted(allowed, name="small")
    archs = draw_archs(pruned, 50, np.random.default_rng(0))
    ours, base = (build_predictor(find_device("note10", space), space) for space in (pruned, ofa_mbv3))
    assert np.array_equal(ours.predict(archs), base.predict(archs))


# -- a user's own folder -------------------------------------------------------------------------------------


def test_a_users_folder_is_a_device(own_folder: Path, toy: Space) -> None:
    card, folder = find_device(str(own_folder), toy)
    assert (card.name, folder) == ("my-phone", own_folder)
    assert find_cards(str(own_folder)) == ((read_card(own_folder), own_folder),)
    predictors = load_predictors(toy, devices=[str(own_folder)], metrics=["macs_m"])
    assert [predictor.metric for predictor in predictors] == ["latency_ms:my-phone", "macs_m"]
    assert (predictors[0].predict(all_archs(toy)) > 0).all()


def test_a_users_folder_is_a_metric(own_folder: Path, toy: Space) -> None:
    assert find_metric(str(own_folder), toy)[0].metric == "latency_ms:my-phone"


def test_a_users_folder_for_another_space(own_folder: Path, moga: Space) -> None:
    with pytest.raises(CoverageError, match=r"table of 'my-phone' lacks \d+ of the \d+ operators that space 'moga'"):
        find_device(str(own_folder), moga)
    with pytest.raises(CoverageError, match=r"table of 'my-phone' lacks \d+ of the \d+ operators that space 'moga'"):
        find_metric(str(own_folder), moga)
    with pytest.raises(CoverageError, match="table of 'my-phone' lacks"):
        build_predictor((read_card(own_folder), own_folder), moga)


# -- what a command loads ------------------------------------------------------------------------------------


def test_accuracy_comes_first_then_devices_then_counts(ofa_mbv3: Space) -> None:
    metrics = [predictor.metric for predictor in load_predictors(ofa_mbv3, devices=["note10"])]
    assert metrics == ["top1_percent", "latency_ms:note10", "macs_m", "params_m"]


def test_a_space_without_an_accuracy_predictor(toy: Space) -> None:
    assert [predictor.metric for predictor in load_predictors(toy)] == ["macs_m", "params_m"]


def test_metrics_that_are_asked_for_replace_the_usual_ones(ofa_mbv3: Space) -> None:
    assert [predictor.metric for predictor in load_predictors(ofa_mbv3, metrics=["flops_m"])] == ["flops_m"]
    assert load_predictors(ofa_mbv3, metrics=[]) == ()


def test_a_metric_named_twice_is_loaded_once(ofa_mbv3: Space) -> None:
    predictors = load_predictors(ofa_mbv3, devices=["note10", "note10"], metrics=["latency_ms:note10", "macs_m"])
    assert [predictor.metric for predictor in predictors] == ["latency_ms:note10", "macs_m"]


# -- what cannot be found ------------------------------------------------------------------------------------


def test_an_unknown_device(moga: Space) -> None:
    with pytest.raises(
        UnknownNameError, match=r"device 'note1' is unknown; did you mean 'note10'\? choices: .*; or the path of a pred"
    ):
        find_device("note1", moga)


def test_a_folder_that_is_no_predictor(tmp_path: Path, moga: Space) -> None:
    with pytest.raises(UnknownNameError, match=r"folder '.*' is no predictor: it holds no card\.yaml"):
        find_device(str(tmp_path), moga)


def test_a_device_that_does_not_cover_the_space(moga: Space) -> None:
    with pytest.raises(CoverageError, match=r"table of 'note10' lacks \d+ of the \d+ operators .* for ofa_mbv3"):
        find_device("note10", moga)


def test_an_unknown_metric(moga: Space) -> None:
    with pytest.raises(
        UnknownNameError, match=r"metric 'mac_m' is unknown; did you mean 'macs_m'\? choices: activation_mb"
    ):
        find_metric("mac_m", moga)


def test_a_resolution_that_is_not_covered() -> None:
    space = load_space("ofa_resnet50", resolution=128)
    entry = next(entry for entry in list_predictors() if entry[0].name == "note10")
    with pytest.raises(CoverageError, match="predictor 'note10' does not cover resolution 128"):
        build_predictor(entry, space)


def test_a_resolution_that_the_card_does_not_list(own_folder: Path, toy: Space) -> None:
    (own_folder / "card.yaml").write_text(OWN_CARD + "resolutions: [32]\n", encoding="utf-8")
    entry = find_device(str(own_folder), toy)
    assert build_predictor(entry, toy).metric == "latency_ms:my-phone"
    with pytest.raises(CoverageError, match=r"predictor 'my-phone' does not cover resolution 16; choices: 32"):
        build_predictor(entry, toy.at_resolution(16))


def test_a_table_covers_a_space_of_the_same_operators_under_another_name(tmp_path: Path) -> None:
    shipped = load_space("ofa_mbv3")
    text = (content_dir("spaces") / "ofa_mbv3.yaml").read_text(encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(text.replace("name: ofa_mbv3", "name: mine"), encoding="utf-8")
    mine = load_space(tmp_path / "mine.yaml")
    archs = draw_archs(shipped, 50, np.random.default_rng(0))
    ours, theirs = (build_predictor(find_device("note10", space), space).predict(archs) for space in (mine, shipped))
    assert np.array_equal(ours, theirs)


def test_cards_that_are_found_by_their_lines_are_those_that_are_found_by_reading_all() -> None:
    every = list_predictors()
    for metric in {card.metric for card, _ in every}:
        assert registry._with("metric", metric) == tuple(entry for entry in every if entry[0].metric == metric)
    assert {device: registry._with("device", device) for device in list_devices()} == list_devices()
    for name in ("moga", "ofa_mbv3", "ofa_resnet50", "nas_bench_macro"):
        space = load_space(name)
        accuracies = [
            entry
            for entry in every
            if entry[0].metric.startswith("top1_percent")
            and (not entry[0].spaces or name in entry[0].spaces)
            and entry[0].parameters.get("archs") != "some"
        ]
        assert default_accuracy(space) == sorted(accuracies, key=lambda entry: len(entry[0].metric))[:1]


@pytest.mark.parametrize("card", ["{schema: x, metric: latency_ms:me, device: me}", "a: 1\nmetric: me\n"])
def test_a_card_that_may_tell_what_is_looked_for_is_read(card: str) -> None:
    assert registry._may_tell(card, "metric", "me")
    assert not registry._may_tell("schema: x\nmetric: latency_ms:other  # of me\n", "device", "me")
