"""Archs trained alone and how a supernet orders them: selection, resuming, tau against its closed form."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blockprofile.cli.main import main
from blockprofile.errors import ArchError, DataError, OptionError, UnknownNameError
from blockprofile.predict import tau_of
from blockprofile.predict.labels import read_labels
from blockprofile.space import Space, decode, draw_archs, load_space
from blockprofile.space.record import base_text, describe_space
from blockprofile.supernet import JudgeOptions, Scheme, Training, alone, evaluate
from blockprofile.supernet.alone import space_of_one, stratified_archs, train_alone
from blockprofile.supernet.evaluate import draw_distinct, evaluate_supernet
from blockprofile.supernet.rank import rank_supernet
from blockprofile.supernet.recipe import Recipe
from blockprofile.supernet.spread import count_workers
from blockprofile.supernet.train import train_supernet
from blockprofile.supernet.weights import save_training
from tests.supernet.images import write_npz
from tests.supernet.test_shared import KINDS
from tests.toy import mixed_space, toy_space

QUICK = Recipe(epochs=1.0, batch=16, lr=0.05, flip=False)


class Killed(BaseException):
    """What a kill is to the code that runs."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_npz(tmp_path_factory.mktemp("data") / "d.npz", n=60, n_test=20)


def test_the_space_of_one_arch_has_that_arch() -> None:
    for space in (toy_space(), mixed_space(), Space(KINDS)):
        for arch in draw_archs(space, 10, np.random.default_rng(0)):
            one = space_of_one(space, arch)
            assert np.array_equal(draw_archs(one, 1, np.random.default_rng(1))[0], arch)


def test_stratified_archs_are_one_from_each_part(tmp_path: Path) -> None:
    space = toy_space()
    archs = draw_distinct(space, 60, seed=0)
    values = np.random.default_rng(0).permutation(60) / 2
    frame = pd.DataFrame({"arch": [decode(space, arch) for arch in archs], "top1_percent": values})
    frame.to_csv(tmp_path / "labels.csv", index=False)
    picked = stratified_archs(tmp_path / "labels.csv", space, 6, seed=3)
    known = {arch.tobytes(): value for arch, value in zip(archs, values, strict=True)}
    assert [int(known[arch.tobytes()] // 5) for arch in picked] == list(range(6))
    with pytest.raises(OptionError, match=r"--n is 61, and .*labels.csv has 60 archs"):
        stratified_archs(tmp_path / "labels.csv", space, 61, seed=3)


def test_trainings_go_on_where_they_were_killed(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = toy_space().at_resolution(16)
    archs = draw_distinct(space, 2, seed=0)
    options: dict[str, Any] = {"repeats": 2, "on": "test", "workers": 1}
    whole = train_alone(space, Training(data, QUICK), archs, out=tmp_path / "whole", **options)
    often = Training(data, QUICK, save_every_s=-1.0)
    calls = [0]

    def save_and_die(*given: Any) -> None:
        save_training(*given)
        calls[0] += 1
        if calls[0] in {5, 7}:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(alone, "save_training", save_and_die)
        for _ in range(2):
            with pytest.raises(Killed):
                train_alone(space, often, archs, out=tmp_path / "cut", **options)
    rest = train_alone(space, often, archs, out=tmp_path / "cut", **options)
    assert np.array_equal(rest.top1, whole.top1)
    assert 0 < rest.n_new < whole.n_new == 4
    names = ("whole", "cut")
    files = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in names]
    assert files[0] == files[1]
    tables = [(tmp_path / name / "labels.parquet").read_bytes() for name in names]
    assert tables[0] == tables[1]
    labels = read_labels(tmp_path / "cut" / "labels.parquet", space)
    assert labels.label("seed").tolist() == [0, 0, 1, 1]
    with pytest.raises(ArchError, match=r"not allowed|holds code"):
        train_alone(space, often, np.full((1, space.n_slots), 200, np.uint8), out=tmp_path / "no")


def test_processes_train_and_judge_to_the_same_last_digit(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space, training = toy_space().at_resolution(16), Training(data, QUICK)
    archs = draw_distinct(space, 3, seed=0)
    here, apart = (
        train_alone(space, training, archs, out=tmp_path / str(workers), keep_weights=True, workers=workers)
        for workers in (1, 2)
    )
    files = [{path.name: path.read_bytes() for path in each.folder.glob("[0l]*")} for each in (here, apart)]
    assert files[0] == files[1]
    assert {"0002-0.safetensors", "labels.parquet"} < set(files[0])
    train_supernet(space, training, out=tmp_path / "net", scheme=Scheme(sampler="uniform"))
    judged = []
    for workers in (1, 2):
        monkeypatch.setattr(evaluate, "SECONDS_HERE", 0.0)
        monkeypatch.setattr(evaluate, "CACHE_NAME", f"evaluations{workers}")
        options = JudgeOptions(images=5, recalibration=20, workers=workers)
        judged.append(evaluate_supernet(tmp_path / "net", archs[[0, 1, 0]], repeats=2, options=options))
    assert judged[0].n_new == judged[1].n_new == 4
    assert np.array_equal(judged[0].top1, judged[1].top1)
    assert np.array_equal(judged[0].top1[0], judged[0].top1[2])
    other = tmp_path / "net" / "weights.safetensors"
    train_supernet(
        space, Training(data, replace(QUICK, seed=1)), out=tmp_path / "other", scheme=Scheme(sampler="uniform")
    )
    first = evaluate._open_once(tmp_path / "net", other.stat().st_mtime_ns)
    other.write_bytes((tmp_path / "other" / "weights.safetensors").read_bytes())
    assert evaluate._open_once(tmp_path / "net", other.stat().st_mtime_ns) is not first


def test_workers_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joblib.cpu_count", lambda: 8)
    assert count_workers("auto", accelerator="cpu", threads=3) == 2
    assert count_workers("auto", accelerator="cpu", threads=9) == 1
    assert count_workers(5, accelerator="cpu", threads=3) == 5
    assert count_workers("auto", accelerator="cuda", threads=1) == 1
    with pytest.raises(OptionError, match="--workers 2 is of the CPU; with --accelerator cuda one process works"):
        JudgeOptions(accelerator="cuda", workers=2)
    with pytest.raises(OptionError, match="--workers is 0; it must be at least 1"):
        count_workers(0, accelerator="cpu", threads=1)


def test_tau_is_that_of_its_definition() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, 8, 40).astype(float), rng.normal(size=40)
    signs = [np.sign(values[:, None] - values[None]) for values in (first, second)]
    upper = np.triu_indices(40, 1)
    top = (signs[0] * signs[1])[upper].sum()
    ties = [np.abs(sign[upper]).sum() for sign in signs]
    found = tau_of("x", first, second)
    assert found.tau == pytest.approx(top / np.sqrt(ties[0] * ties[1]))
    assert found.low < found.tau < found.high
    wide = tau_of("x", first[:10], second[:10])
    assert wide.high - wide.low > found.high - found.low


def test_the_interval_covers_as_often_as_it_says() -> None:
    # Two normal variables with correlation r have tau = 2 / pi * asin(r).
    rng = np.random.default_rng(1)
    truth = 2 / np.pi * np.arcsin(0.8)
    covered = 0
    for seed in range(60):
        first = rng.normal(size=60)
        found = tau_of("x", first, 0.8 * first + 0.6 * rng.normal(size=60), seed=seed)
        covered += found.low <= truth <= found.high
    assert covered >= 50


def test_ranking_against_a_table_and_a_listed_predictor(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    space = toy_space()
    Path("toy.yaml").write_text(base_text(describe_space(space, space), space))
    train_supernet("toy.yaml", Training(data, QUICK, resolution=16), out="net", scheme=Scheme(sampler="uniform"))
    archs = draw_distinct(space, 12, seed=1)
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"arch": [decode(space, arch) for arch in archs] * 2, "top1_percent": rng.random(24) * 100})
    frame.to_csv("truth.csv", index=False)
    result = rank_supernet("net", "truth.csv")
    names = [tau.name for tau in result.taus]
    assert names[:3] == ["supernet", "supernet, best by truth", "ceiling: two trainings"]
    assert names[3:] == ["floor: multiply-adds", "floor: parameters", "floor: synflow, untrained"]
    assert result.taus[0].n == 12
    np.testing.assert_allclose(result.truth, frame["top1_percent"].to_numpy().reshape(2, 12).mean(0))
    assert main(["supernet", "rank", "net", "--truth", "truth.csv", "--labels", "5", "--json"]) == 0
    worth = json.loads(capsys.readouterr().out)["labels"]
    assert [(row["n"], row["ranked_by"]) for row in worth] == [(5, "supernet"), (5, "labels"), (5, "both")]
    assert main(["supernet", "rank", "net", "--truth", "truth.csv", "--n", "5", "--out", "pairs.csv"]) == 0
    assert "ceiling: two trainings" in capsys.readouterr().out
    assert len(pd.read_csv("pairs.csv")) == 5
    with pytest.raises(UnknownNameError, match=r"--truth 'gone.csv' is neither a table nor a predictor"):
        rank_supernet("net", "gone.csv")
    with pytest.raises(OptionError, match="of kind 'counted'; give one that lists archs"):
        rank_supernet("net", "macs_m")
    frame.iloc[:2].to_csv("two.csv", index=False)
    with pytest.raises(DataError, match="has 2 archs of space 'toy'; an order needs at least 3"):
        rank_supernet("net", "two.csv")
    words = ["supernet", "alone", "--space", "toy.yaml", "--data", str(data), "--resolution", "16", "--epochs", "1"]
    words += ["--batch", "16", "--out", "truth", "--keep-weights", "--workers", "1"]
    assert main([*words, "--n", "2", "--stratify", "truth.csv"]) == 0
    assert "2 trainings: mean" in capsys.readouterr().out
    assert len(list(Path("truth").glob("*.safetensors"))) == 2
    assert main(words) == 2
    assert "give either --from FILE, or --n" in capsys.readouterr().err


def test_nas_bench_macro_is_a_truth() -> None:
    from blockprofile.supernet.rank import _read_truth

    table = _read_truth("top1_percent:cifar10", load_space("nas_bench_macro"), "top1_percent")
    assert len(table.archs) == 3 * 6561
