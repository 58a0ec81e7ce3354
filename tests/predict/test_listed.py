"""Tables of trained archs as predictors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.errors import CoverageError, DataError
from blockprofile.predict import Predictor, build_predictor, find_metric, load_predictors, read_card
from blockprofile.predict.listed import ListedArchs
from blockprofile.predict.registry import default_accuracy
from blockprofile.profile import Settings, profile_pool
from blockprofile.profile.labels import profile_labels
from blockprofile.run.pool import PoolRequest
from blockprofile.space import Space, decode, draw_archs, load_space
from tests.toy import all_archs

CARD = """\
schema: blockprofile.predictor/1
name: mine
title: Mine
kind: archs
metric: top1_percent:mine
unit: "%"
provenance: trained
spaces: [toy]
floor: 0.0
error: {label_spread: 0.5}
parameters: {archs: EXTENT}
"""


def write(folder: Path, space: Space, archs: np.ndarray, values: np.ndarray, extent: str) -> ListedArchs:
    folder.mkdir(exist_ok=True)
    (folder / "card.yaml").write_text(CARD.replace("EXTENT", extent), encoding="utf-8")
    columns = {slot.name: archs[:, slot.index].astype(int) for slot in space.slots if slot.kind == "layer"}
    columns = {name: np.where(codes == 255, -1, codes) for name, codes in columns.items()}
    depths = {slot.name: np.asarray(slot.choices)[archs[:, slot.index]] for slot in space.slots if slot.kind != "layer"}
    pd.DataFrame({**columns, **depths, "top1_percent": values}).to_parquet(folder / "archs.parquet")
    found = build_predictor((read_card(folder), folder), space)
    assert isinstance(found, ListedArchs)
    return found


def test_archs_of_the_table_have_its_values_and_others_are_refused(tmp_path: Path, toy: Space) -> None:
    archs = all_archs(toy)
    values = np.linspace(50, 90, len(archs))
    order = np.random.default_rng(0).permutation(len(archs))
    whole = write(tmp_path / "all", toy, archs[order], values[order], "all")
    assert isinstance(whole, Predictor)
    assert np.allclose(whole.predict(archs), values)
    part = write(tmp_path / "some", toy, archs[:-2], values[:-2], "some")
    assert np.allclose(part.predict(archs[3:5]), values[3:5])
    with pytest.raises(CoverageError, match=rf"lists {len(archs) - 2} archs that were trained and .*: 2 of"):
        part.predict(archs[-3:])


def test_a_table_of_several_resolutions_is_read_at_the_spaces(tmp_path: Path) -> None:
    space, folder = load_space("ofa_mbv3"), tmp_path / "mine"
    archs = draw_archs(space, 3, np.random.default_rng(0))
    folder.mkdir()
    card = CARD.replace("EXTENT", "some").replace("[toy]", "[ofa_mbv3]")
    (folder / "card.yaml").write_text(card, encoding="utf-8")
    rows = [(decode(space, arch), size, size + n) for n, arch in enumerate(archs) for size in (192, 160)]
    pd.DataFrame(rows, columns=["arch", "resolution", "top1_percent"]).to_parquet(folder / "archs.parquet")
    for size in (160, 192):
        where = space.at_resolution(size)
        assert build_predictor((read_card(folder), folder), where).predict(archs).tolist() == [size, size + 1, size + 2]
    with pytest.raises(CoverageError, match=r"archs\.parquet holds no archs at resolution 224"):
        build_predictor((read_card(folder), folder), space)


def test_repeats_are_pooled_and_noise_is_the_cards(tmp_path: Path, toy: Space) -> None:
    archs = all_archs(toy)
    twice = np.concatenate([archs, archs])
    found = write(tmp_path, toy, twice, np.concatenate([np.full(len(archs), 60.0), np.full(len(archs), 70.0)]), "all")
    assert set(found.predict(archs)) == {65.0}
    assert set(found.variances) == {0.5**2 / 2}


def test_a_card_that_says_wrongly_what_is_there_is_refused(tmp_path: Path, toy: Space) -> None:
    archs = all_archs(toy)
    with pytest.raises(DataError, match="the card says 'all'"):
        write(tmp_path, toy, archs[:-1], np.ones(len(archs) - 1), "all")
    with pytest.raises(DataError, match=r"parameters\.archs is 'most'"):
        write(tmp_path, toy, archs, np.ones(len(archs)), "most")


def test_shipped_tables_agree_with_what_is_counted_and_published() -> None:
    macro = load_space("nas_bench_macro")
    (found,) = load_predictors(macro, metrics=["top1_percent:cifar10"])
    assert isinstance(found, ListedArchs)
    assert len(found.archs) == 3**8
    assert found.variances[0] == pytest.approx(found.card.error.label_spread**2 / 3)
    (macs,) = load_predictors(macro, metrics=["macs_m"])
    order = np.argsort(np.argsort(macs.predict(found.archs)))
    from scipy.stats import kendalltau

    assert kendalltau(found.values, order).statistic == pytest.approx(0.556, abs=0.01)


def test_a_table_of_some_archs_is_no_default() -> None:
    assert [card.name for card, _ in default_accuracy(load_space("nas_bench_macro"))] == [
        "top1_percent_nas_bench_macro"
    ]
    space = load_space("mnasnet_accel")
    assert default_accuracy(space) == []
    entry = find_metric("top1_percent:accel_nasbench", space)
    with pytest.raises(CoverageError, match="the first is"):
        build_predictor(entry, space).predict(draw_archs(space, 3, np.random.default_rng(0)))


def test_noise_is_in_every_interval(tmp_path: Path) -> None:
    request = PoolRequest(space="nas_bench_macro", n=400, metrics=("top1_percent:cifar10",))
    drawn = profile_pool(request, out=tmp_path / "pool", taus=()).table
    assert set(drawn["holds_for"]) == {"truth"}
    table = find_metric("top1_percent:cifar10", load_space("nas_bench_macro"))[1] / "archs.parquet"
    exact = profile_labels(
        table, "nas_bench_macro", {"macs_m": "macs_m"}, out=tmp_path / "exact", settings=Settings(taus=())
    ).table
    mine = exact[exact["metric"] == "top1_percent:cifar10"]
    assert set(mine["provenance"]) == {"trained"}
    layer = mine[mine["statistic"] == "M_ulb"]
    # A third of the archs against all, three trainings each: 0.2128^2 / 3 * (3 - 1) / 6561.
    assert np.allclose(layer["se"], 0.2128 * np.sqrt(2 / 3 / 6561), rtol=0.01)
    assert set(exact.loc[exact["metric"] == "macs_m", "se"]) == {0.0}
    both = drawn[drawn["statistic"] == "M_ulb"]["se"].to_numpy()
    assert (both > layer["se"].to_numpy()).all()
