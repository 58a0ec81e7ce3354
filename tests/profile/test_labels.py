"""Profiles of labelled tables themselves, and of predictors that keep what they left of labels, from file to file."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import DataError
from blockprofile.plot.heatmap import heatmap
from blockprofile.predict.card import CARD_NAME
from blockprofile.predict.crossfit import RESIDUALS_NAME
from blockprofile.predict.fit import fit_recipe
from blockprofile.predict.labels import read_labels
from blockprofile.predict.recipe import Recipe
from blockprofile.predict.training import TrainingOptions
from blockprofile.profile import Profile, Settings, profile_pool, profile_run
from blockprofile.profile.labels import profile_labels
from blockprofile.profile.until import profile_until
from blockprofile.prune import prune
from blockprofile.report import report
from blockprofile.run import sample
from blockprofile.run.pool import PoolRequest
from blockprofile.space import Archs, Space, decode, draw_archs, load_space
from tests.toy import all_archs, expected_additive

TINY = TrainingOptions(widths=(4,), epochs=1, min_steps=20, batch=64)


@pytest.fixture(scope="module")
def moga() -> Space:
    return load_space("moga")


def _values(archs: Archs) -> np.ndarray:
    return 50 + 0.3 * archs.astype(float) @ np.linspace(1, 2, archs.shape[1]) / archs.shape[1] * 3


def _write(path: Path, space: Space, archs: Archs, *, noise: float = 0.5) -> Path:
    labels = _values(archs) + np.random.default_rng(7).normal(size=len(archs)) * noise
    frame = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "acc": labels, "cost": 100 - labels})
    frame.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def fitted(moga: Space, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a predictor of ``score`` fitted to 300 noisy labels."""
    folder = tmp_path_factory.mktemp("fitted")
    table = _write(folder / "labels.csv", moga, draw_archs(moga, 300, np.random.default_rng(1)))
    recipe = Recipe(
        schema="blockprofile.recipe/1", table="labels.csv", space="moga", metrics={"score": {"column": "acc"}},
        options=TINY, folds=2,
    )  # fmt: skip
    (found,) = fit_recipe(read_labels(table, moga), moga, recipe, out=folder)
    return found.folder


def _means(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    return table[(table["metric"] == metric) & table["statistic"].isin(["M_b", "M_ulb"])].reset_index(drop=True)


def test_profiles_of_a_fitted_predictor_hold_for_the_truth_wherever_they_are_read(fitted: Path, tmp_path: Path) -> None:
    predictor = tmp_path / "score_moga"
    shutil.copytree(fitted, predictor)
    names = [str(predictor), "macs_m"]
    sample(PoolRequest("moga", n=3000, metrics=names), out=tmp_path / "run")
    request = PoolRequest(space="moga", n=3000, metrics=tuple(names))
    drawn = profile_pool(request, out=tmp_path / "pool").table
    until = profile_until(request, ["macs_m=1000"], out=tmp_path / "until").profile.table
    shutil.rmtree(predictor)
    shutil.move(tmp_path / "run", tmp_path / "moved")
    table = profile_run(tmp_path / "moved").table
    pd.testing.assert_frame_equal(table, drawn)
    score, macs = _means(table, "score"), _means(table, "macs_m")
    assert set(score["holds_for"]) == set(_means(until, "score")["holds_for"]) == {"truth"}
    assert set(macs["holds_for"]) == {"truth"}
    assert set(table.loc[(table["metric"] == "score") & (table["statistic"] == "M_tau"), "holds_for"]) == {"predictor"}
    # 300 labels of noise 0.5 and more that is left: an effect's error is about 1 / sqrt(25), not that of the pool.
    layers = score[score["statistic"] == "M_ulb"]
    assert 0.08 < layers["se"].median() < 0.4
    assert len(layers) == 168
    about = Profile.read(tmp_path / "moved").about
    assert about["config"]["predictors"]["score"]["labels"] == {
        "n": 300, "n_effective": 300.0, "how": "drawn by the law"
    }  # fmt: skip
    assert "labels" not in about["config"]["predictors"]["macs_m"]
    (tmp_path / "moved" / "labelled" / "00.parquet").unlink()
    with pytest.raises(Exception, match=r"there is no file .*00\.parquet"):
        profile_run(tmp_path / "moved")


def test_without_residuals_intervals_hold_for_the_predictor(fitted: Path, tmp_path: Path) -> None:
    shutil.copytree(fitted, tmp_path / "score_moga")
    (tmp_path / "score_moga" / RESIDUALS_NAME).unlink()
    request = PoolRequest(space="moga", n=2000, metrics=(str(tmp_path / "score_moga"),))
    with pytest.raises(DataError, match=r"residuals.parquet is not the file that card.yaml .* was written with"):
        profile_pool(request, out=tmp_path / "refused")
    card = tmp_path / "score_moga" / CARD_NAME
    card.write_text(card.read_text(encoding="utf-8").partition("files:")[0], encoding="utf-8")
    alone = profile_pool(request, out=tmp_path / "alone").table
    both = profile_pool(replace(request, metrics=(str(fitted),)), out=tmp_path / "both").table
    assert set(alone["holds_for"]) == {"predictor"}
    assert (_means(both, "score")["se"] > _means(alone, "score")["se"]).all()


def test_under_a_limit_the_labels_that_meet_it_correct(fitted: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    sample(PoolRequest("moga", n=500, metrics=[str(fitted), "macs_m"], limit="macs_m<=250"), out=tmp_path / "run")
    kept = pq.read_table(tmp_path / "run" / "labelled" / "00.parquet")
    assert 100 < kept.num_rows < 250
    table = profile_run(tmp_path / "run").table
    assert set(_means(table, "score")["holds_for"]) == {"truth"}


def test_a_labelled_table_is_profiled_as_it_is(moga: Space, tmp_path: Path) -> None:
    archs = draw_archs(moga, 2000, np.random.default_rng(5))
    path = _write(tmp_path / "mine.csv", moga, archs)
    found = profile_labels(path, "moga", {"top1_percent": "acc", "cost": "cost"}, out=tmp_path / "out", plain=True)
    frame = pd.read_csv(path)
    row = found.table[(found.table["metric"] == "top1_percent") & (found.table["statistic"] == "M_ulb")].iloc[0]
    own = frame["acc"][archs[:, 0] == 0]
    assert (row["n"], row["holds_for"], row["unit_of"]) == (len(own), "truth", "%")
    assert row["value"] == pytest.approx(own.mean())
    assert row["effect"] == pytest.approx(own.mean() - frame["acc"].mean())
    low = found.table[(found.table["statistic"] == "quantile") & (found.table["tau"] == 0.05)].iloc[0]
    assert low["value"] == pytest.approx(np.quantile(frame["acc"], 0.05, method="inverted_cdf"))
    assert low["holds_for"] == "labels"
    truth = _values(np.arange(12, dtype=np.uint8)[:, None] * np.eye(1, 14, dtype=np.uint8)).astype(float)
    layer = found.table[(found.table["metric"] == "top1_percent") & (found.table["statistic"] == "M_ulb")].head(12)
    true = truth - truth.mean()
    covered = (layer["ci_low"].to_numpy() <= true) & (true <= layer["ci_high"].to_numpy())
    assert covered.sum() >= 9
    # What comes after reads it as any other profile.
    assert heatmap(tmp_path / "out", kinds=["blocks"])
    report(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").is_file()
    prune(tmp_path / "out", out=tmp_path / "pruned.yaml", gain="top1_percent", cost="cost")


def test_all_archs_of_a_space_are_exact_but_for_noise(tmp_path: Path, toy: Space) -> None:
    from tests.toy import TOY, additive_predictor

    file = tmp_path / "toy.yaml"
    _write_space(file, TOY)
    space = load_space(file)
    archs = all_archs(space)
    values = additive_predictor(toy).predict(archs).astype(np.float64)
    frame = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "score": values})
    frame.to_parquet(tmp_path / "all.parquet")
    found = profile_labels(tmp_path / "all.parquet", file, {"score": "score"}, out=tmp_path / "out").table
    mean = found[found["statistic"] == "mean"].iloc[0]
    assert mean["value"] == pytest.approx(expected_additive(toy), rel=1e-6)
    assert (_means(found, "score")["se"] == 0).all()
    first = found[found["statistic"] == "M_ulb"].iloc[0]
    assert first["value"] == pytest.approx(expected_additive(toy, place=(1, 1, 0)), rel=1e-6)
    twice = pd.concat([frame.assign(score=values + 0.1), frame.assign(score=values - 0.1)])
    twice.to_parquet(tmp_path / "twice.parquet")
    noisy = profile_labels(tmp_path / "twice.parquet", file, {"score": "score"}, out=tmp_path / "noisy").table
    se = noisy.loc[noisy["statistic"] == "mean", "se"].iloc[0]
    assert 0.1 * np.sqrt(2) / np.sqrt(2 * len(archs)) < se < 0.02


def _write_space(path: Path, definition: object) -> None:
    from dataclasses import asdict

    from blockprofile.yamlfile import write_yaml

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if item is not None}
        return [plain(item) for item in value] if isinstance(value, list | tuple) else value

    write_yaml(path, plain(asdict(definition)))  # type: ignore[arg-type, call-overload]


def test_accuracies_as_fractions_are_pointed_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    macro = load_space("nas_bench_macro")
    path = _write(tmp_path / "mine.csv", macro, draw_archs(macro, 60, np.random.default_rng(0)))
    frame = pd.read_csv(path)
    frame.assign(acc=frame["acc"] / 100).to_csv(path, index=False)
    words = [str(path), "--space", "nas_bench_macro", "--metric", "top1_percent=acc"]
    told = "warning: top1_percent lies between .*: these look like fractions of 1"
    assert main(["label", "read", *words]) == 0
    assert re.search(told, capsys.readouterr().err)
    assert main(["profile", *words, "--out", str(tmp_path / "out"), "--plain"]) == 0
    assert re.search(told, capsys.readouterr().err)


def test_tables_that_cannot_stand_for_the_space_are_refused(moga: Space, tmp_path: Path) -> None:
    archs = draw_archs(moga, 200, np.random.default_rng(0))
    few = _write(tmp_path / "few.csv", moga, archs[:15])
    with pytest.raises(DataError, match="holds 15 rows of archs of space 'moga'"):
        profile_labels(few, "moga", {"score": "acc"}, out=tmp_path / "out")
    part = _write(tmp_path / "part.csv", moga, archs[archs[:, 0] < 3])
    with pytest.raises(DataError, match="cannot be weighted to its law: none holds"):
        profile_labels(part, "moga", {"score": "acc"}, out=tmp_path / "out")
    whole = _write(tmp_path / "whole.csv", moga, archs)
    with pytest.raises(DataError, match="no column 'none'"):
        profile_labels(whole, "moga", {"score": "none"}, out=tmp_path / "out")
    # Nor does the shipped predictor of its name stand in for a column that is there and cannot be read.
    frame = pd.read_csv(whole).assign(top1_percent="70.5")
    frame.loc[3, "top1_percent"] = "71 %"
    frame.to_csv(whole, index=False)
    with pytest.raises(DataError, match=r"no column 'top1_percent' of numbers \(line 5 holds '71 %'"):
        profile_labels(whole, "moga", {"score": "acc", "top1_percent": "top1_percent"}, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_additive_part_narrows_intervals_and_keeps_what_they_hold(moga: Space, tmp_path: Path) -> None:
    path = _write(tmp_path / "mine.csv", moga, draw_archs(moga, 400, np.random.default_rng(3)), noise=0.05)
    named = {"top1_percent": "acc", "macs_m": "macs_m"}
    sharp = profile_labels(path, "moga", named, out=tmp_path / "sharp", settings=Settings(taus=())).table
    plain = profile_labels(path, "moga", named, out=tmp_path / "plain", plain=True, settings=Settings(taus=())).table
    old, new = (_means(each[each["metric"] == "top1_percent"], "top1_percent") for each in (plain, sharp))
    assert (new["se"] < 0.6 * old["se"]).mean() > 0.95
    # _values is additive: what a block adds at a place is the same over the whole space.
    layer = new[new["statistic"] == "M_ulb"].reset_index(drop=True)
    steps = 0.9 * np.linspace(1, 2, 14) / 14
    true = np.concatenate([step * (np.arange(12) - 5.5) for step in steps])
    inside = (layer["ci_low"] <= true) & (true <= layer["ci_high"])
    assert inside.mean() > 0.9
    assert set(sharp.loc[sharp["metric"] == "macs_m", "provenance"]) == {"counted"}


def test_metrics_beside_labels_must_add_up(moga: Space, tmp_path: Path) -> None:
    path = _write(tmp_path / "mine.csv", moga, draw_archs(moga, 50, np.random.default_rng(3)))
    with pytest.raises(DataError, match="no column 'cost2'"):
        profile_labels(path, "moga", {"score": "acc", "cost2": "cost2"}, out=tmp_path / "out")
    with pytest.raises(DataError, match="none of macs_m is a column"):
        profile_labels(path, "moga", {"macs_m": "macs_m"}, out=tmp_path / "out")
