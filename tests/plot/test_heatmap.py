"""`heatmap`: which figures a run gets, their names and captions."""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

from blockprofile.errors import OptionError, RunError, UnknownNameError
from blockprofile.plot.heatmap import KINDS, heatmap, provenance_lines, select_kinds, select_metrics
from blockprofile.profile import Profile, Settings, profile_labels, profile_pool, profile_run
from blockprofile.run import PoolRequest, sample
from blockprofile.space import decode, draw_archs, load_space
from tests.space.files import TOY_YAML, write


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures") / "ofa"
    sample(PoolRequest("ofa_mbv3", metrics=["macs_m"], n=5_000, seed=0), out=folder)
    profile_run(folder)
    return folder


def test_every_kind_but_sensitivities(run: Path) -> None:
    files = heatmap(run)
    stems = [
        "block_responses",
        "layer_responses-macs_m",
        "quantile_responses-macs_m",
        "depth_responses",
        "factor_responses-macs_m",
        "distributions",
    ]
    assert [file.name for file in files] == [stem + suffix for stem in stems for suffix in (".png", ".svg")]
    assert {file.parent for file in files} == {run / "figures"}
    assert all(file.stat().st_size > 5_000 for file in files)


def test_one_kind_into_another_folder(run: Path, tmp_path: Path) -> None:
    files = heatmap(run, kinds=["sensitivities"], metrics=["macs_m"], out=tmp_path / "new")
    assert [file.name for file in files] == ["sensitivities.png", "sensitivities.svg"]


def test_figures_of_metrics_with_names_alike_are_kept_apart(tmp_path: Path) -> None:
    file = write(tmp_path, TOY_YAML)
    space = load_space(file)
    texts = [decode(space, arch) for arch in draw_archs(space, 60, np.random.default_rng(0))]
    rows = [f'"{text}",{n},{2 * n}' for n, text in enumerate(texts)]
    (tmp_path / "l.csv").write_text("\n".join(["arch,acc 1,acc@1", *rows]))
    metrics = {name: name for name in ("acc 1", "acc@1")}
    profile_labels(tmp_path / "l.csv", file, metrics, out=tmp_path / "run", settings=Settings(taus=()))
    names = [file.stem for file in heatmap(tmp_path / "run", kinds=["layers"]) if file.suffix == ".png"]
    assert names == ["layer_responses-acc-1", "layer_responses-acc-1-2"]


def test_distributions_say_how_many_archs_they_are_of(tmp_path: Path) -> None:
    file = write(tmp_path, TOY_YAML)
    for n in (60, 90):  # the run has grown since it was profiled
        sample(PoolRequest(str(file), metrics=["macs_m"], n=n), out=tmp_path / "run")
        if n == 60:
            profile_run(tmp_path / "run", taus=())
    with pytest.raises(
        RunError, match="is of 60 archs, and the run has 90 by now; make it anew with `blockprofile pro"
    ):
        heatmap(tmp_path / "run", kinds=["distributions"])
    (_, picture) = heatmap(tmp_path / "run" / "profile.parquet", kinds=["distributions"])
    assert "90 archs drawn" in picture.read_text("utf-8")


def test_a_pool_that_was_not_kept_has_no_distributions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = sys.modules["blockprofile.plot.heatmap"]
    monkeypatch.setattr(named, "save_figure", lambda figure, stem: plt.close(figure) or [stem])
    profile_pool(PoolRequest(space="moga", n=3_000, metrics=("macs_m",)), out=tmp_path / "pool")
    names = {file.name for file in heatmap(tmp_path / "pool")}
    assert names == {
        "block_responses",
        "factor_responses-macs_m",
        "layer_responses-macs_m",
        "quantile_responses-macs_m",
    }
    with pytest.raises(RunError, match="distributions need a run of `blockprofile sample`"):
        heatmap(tmp_path / "pool", kinds=["distributions"])


def test_captions_say_archs_law_seed_and_provenance(run: Path) -> None:
    about = Profile.read(run).about
    first, second = provenance_lines(about, ["macs_m"], 5_000)
    assert "Space ofa_mbv3 at 224 pixels, 5,000 archs drawn by the law 'papers', seed 0; presence 'given'" in first
    assert second == "Provenance: multiply-adds: counted."


def test_unknown_names(run: Path, tmp_path: Path) -> None:
    table = Profile.read(run).table
    assert select_metrics(Profile(table), None) == ["macs_m"]
    assert select_kinds(["blocks", "blocks"], run) == ("blocks",)
    assert set(select_kinds(None, run)) == set(KINDS) - {"sensitivities"}
    with pytest.raises(UnknownNameError, match="no metric 'mac_m'; did you mean 'macs_m'"):
        heatmap(run, metrics=["mac_m"])
    with pytest.raises(OptionError, match="--kind 'block' is unknown; did you mean 'blocks'"):
        heatmap(run, kinds=["block"])
    with pytest.raises(RunError, match="there is no profile"):
        heatmap(tmp_path)
