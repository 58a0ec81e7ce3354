"""Figures of comparisons: what they show is what the searches hold; artists follow the data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blockprofile.compare import Comparison, Trials, compare, load_comparison
from blockprofile.compare.chosen import best_arch
from blockprofile.errors import CoverageError, OptionError, RunError
from blockprofile.papers.latency_shares import KINDS, draw_latency_shares, latency_share_data, latency_shares
from blockprofile.papers.rewards import compare_rewards, rewards_frame
from blockprofile.papers.rewards_plot import rewards_data
from blockprofile.plot.arch_diagram import diagram_data, draw_diagram
from blockprofile.plot.choices import choices_data, draw_choices
from blockprofile.plot.comparison import comparison_figures
from blockprofile.plot.convergence import convergence_data, draw_convergence
from blockprofile.plot.fronts import difference_data, draw_difference, draw_fronts, fronts_data, published_marks
from blockprofile.predict import load_predictors
from blockprofile.search import Aims
from blockprofile.space import INACTIVE, Space, draw_archs, encode, named_archs
from tests.toy import shared_space


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Two algorithms on MoGA's space, three seeds."""
    out = tmp_path_factory.mktemp("figures") / "run"
    return compare(
        "moga",
        algorithms=["nsga2", "random"],
        out=out,
        trials=Trials(budget=300, seeds=3),
        aims=Aims(devices=["mace_gpu"]),
    )


@pytest.fixture
def ax() -> Iterator[Any]:
    """Axes that are closed after the test."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def test_bands_are_what_the_seeds_attain(run: Comparison, ax: Any) -> None:
    data = fronts_data(run)
    assert data is not None
    assert (data.gain, data.cost) == ("top1_percent", "latency_ms:mace_gpu")
    band = data.bands[1]
    place = 150
    metrics = [one.archive.metrics for one in run.runs[1]]
    best = sorted(m["top1_percent"][m["latency_ms:mace_gpu"] <= band.cost[place]].max() for m in metrics)
    assert [band.worst[place], band.median[place], band.best[place]] == pytest.approx(best)
    draw_fronts(data, ax)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [case.name for case in run.cases]


def test_the_networks_that_the_space_names_are_marked_where_predicted(run: Comparison, moga: Space, ax: Any) -> None:
    data = fronts_data(run)
    assert data is not None
    known = {each.metric: each for each in load_predictors(moga, metrics=["top1_percent"], devices=["mace_gpu"])}
    archs = named_archs(moga)
    assert [mark.name for mark in data.named] == list(archs)
    for mark, arch in zip(data.named, archs.values(), strict=True):
        assert mark.gain == pytest.approx(float(known[data.gain].predict(arch[None])[0]), rel=1e-6)
        assert mark.cost == pytest.approx(float(known[data.cost].predict(arch[None])[0]), rel=1e-6)
    draw_fronts(data, ax)
    assert {"MoGA-A", "MoGA-B", "MoGA-C"} <= {text.get_text() for text in ax.texts}


def test_marks_of_a_comparison_that_is_read_back_and_of_predictors_that_are_gone(
    run: Comparison, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.folder is not None
    data, read = fronts_data(run), fronts_data(load_comparison(run.folder))
    assert data is not None
    assert read is not None
    assert read.named == data.named

    def gone(*_: object, **__: object) -> None:
        raise RunError("gone")

    monkeypatch.setattr("blockprofile.search.kept.build_problem", gone)
    assert fronts_data(load_comparison(run.folder)).named == ()  # type: ignore[union-attr]


def test_published_networks_are_marked_where_their_figures_are_printed() -> None:
    marks = {mark.name: (mark.gain, mark.cost) for mark in published_marks("top1_percent", "latency_ms:mace_gpu")}
    assert marks["MoGA-A"] == (75.9, 11.1)
    assert published_marks("top1_percent", "latency_ms:note10") == ()
    assert published_marks("top1_percent", "macs_m") == ()
    only = published_marks("top1_percent", "latency_ms:mace_gpu", ["MoGA-B"])
    assert [mark.name for mark in only] == ["MoGA-B"]


def test_convergence_ends_with_the_mean_and_its_interval(run: Comparison, ax: Any) -> None:
    from scipy import stats

    curve = convergence_data(run)[0]
    final = run.curves[0, :, -1]
    assert curve.mean[-1] == pytest.approx(final.mean())
    low, high = stats.t.interval(0.95, 2, loc=final.mean(), scale=stats.sem(final))
    assert (curve.low[-1], curve.high[-1]) == pytest.approx((low, high))
    draw_convergence(convergence_data(run), ax, unit="x")
    assert len(ax.lines) == 2


def test_difference_is_in_favour_of_the_better_algorithm(run: Comparison, ax: Any) -> None:
    data = difference_data(run, 1)
    assert data is not None
    assert data.difference.sum() < 0
    draw_difference(data, ax, labels=("x", "y"), title="t")
    assert ax.get_title() == "t"


def test_all_figures_are_written(run: Comparison) -> None:
    assert run.folder is not None
    files = comparison_figures(run.folder)
    names = {file.stem for file in files}
    assert names == {"hypervolume", "fronts", "attainment-original--random", "blocks_of_fronts", "best_archs"}
    assert all(file.stat().st_size > 1000 for file in files)


def test_one_goal_has_a_convergence_alone(tmp_path: Path) -> None:
    found = compare(
        "moga",
        algorithms=["mutation", "random"],
        out=tmp_path / "run",
        trials=Trials(budget=60, seeds=2),
        aims=["params_m:max"],
    )
    assert fronts_data(found) is None
    assert difference_data(found, 1) is None
    assert {file.stem for file in comparison_figures(tmp_path / "run", out=tmp_path / "out")} == {"hypervolume"}


def test_best_arch_is_the_best_of_all_seeds_within_the_limit(run: Comparison) -> None:
    found = best_arch(run.runs[0], gain=0, cost=1, limit=8.0)
    assert found is not None
    values = [one.archive.metrics for one in run.runs[0]]
    best = max(v["top1_percent"][v["latency_ms:mace_gpu"] <= 8.0].max() for v in values)
    assert found.metrics["top1_percent"][0] == best
    assert best_arch(run.runs[0], gain=0, cost=1, limit=0.1) is None


def test_blocks_of_fronts_are_shares_of_the_archs_that_have_the_layer(ofa_mbv3: Space, ax: Any) -> None:
    allowed = [
        codes[1:] if slot.layer == 1 else codes for slot, codes in zip(ofa_mbv3.slots, ofa_mbv3.allowed, strict=True)
    ]
    pruned = ofa_mbv3.restricted(allowed, name="pruned")
    fronts = [draw_archs(pruned, n, np.random.default_rng(n)) for n in (5, 40)]
    data = choices_data(pruned, fronts)
    assert data.n_archs == 45
    assert data.firsts == (0, 4, 8, 12, 16)
    last = ofa_mbv3.layer_slots[3]
    there = [archs[:, last.index] != INACTIVE for archs in fronts]
    assert data.shares[-1, 3] == pytest.approx(np.mean([each.mean() for each in there]))
    code = ofa_mbv3.allowed[last.index][0]
    having = np.mean([(archs[:, last.index] == code).mean() for archs in fronts])
    assert data.shares[code, 3] == pytest.approx(having / data.shares[-1, 3])
    assert np.isnan(data.shares[ofa_mbv3.allowed[ofa_mbv3.layer_slots[0].index][0], 0])
    assert np.nansum(data.shares[:-1], axis=0) == pytest.approx(np.ones(20))
    draw_choices(data, ax)
    assert [text.get_text() for text in ax.get_yticklabels()] == [*ofa_mbv3.block_names, "any [%]"]
    assert [text.get_text() for text in ax.texts] == [f"{100 * share:.0f}" for share in data.shares[-1]]
    assert ax.collections[0].get_clim() == (0, pytest.approx(100 * np.nanmax(data.shares[:-1])))


def test_a_diagram_shows_active_layers_alone(ofa_mbv3: Space, ax: Any) -> None:
    archs = draw_archs(ofa_mbv3, 5, np.random.default_rng(0))
    boxes = diagram_data(ofa_mbv3, archs[0])
    assert len(boxes) == int(ofa_mbv3.depths(archs[:1]).sum())
    assert max(box.height for box in boxes) <= 1.0
    assert {box.unit for box in boxes if box.has_se} == {2, 4, 5}, "also where the unit has the gate, not the block"
    shared = shared_space()
    boxes = diagram_data(shared, encode(shared, "e4k3*2 | e4k5se*3"))
    assert [(box.unit, box.layer) for box in boxes] == [(1, 1), (1, 2), (2, 1), (2, 2), (2, 3)]
    ax.clear()
    draw_diagram(boxes, ax, title="t")
    assert len(ax.patches) == len(boxes)
    colours = {box.kernel: patch.get_facecolor() for box, patch in zip(boxes, ax.patches, strict=True)}
    of_one = tuple(box for box in boxes if box.kernel == max(colours))
    ax.clear()
    draw_diagram(of_one, ax)
    assert {patch.get_facecolor() for patch in ax.patches} == {colours[max(colours)]}, "in every arch alike"


def test_latency_shares_add_up_to_the_prediction(moga: Space, ax: Any) -> None:
    arch = draw_archs(moga, 1, np.random.default_rng(0))
    for device in ("mace_gpu", "tflite_cpu"):
        share = latency_share_data(moga, arch[0], device, name="a")
        (predictor,) = load_predictors(moga, devices=[device], metrics=[])
        assert share.milliseconds.sum() == pytest.approx(float(predictor.predict(arch)[0]), rel=1e-5)
    draw_latency_shares([share], ax)
    assert sum(patch.get_width() for patch in ax.patches) == pytest.approx(100)
    assert len(ax.patches) == len(KINDS)


def test_latency_shares_need_a_cost_model(ofa_mbv3: Space, tmp_path: Path) -> None:
    arch = draw_archs(ofa_mbv3, 1, np.random.default_rng(0))[0]
    with pytest.raises(CoverageError, match="'note10' has no cost model but a lookup"):
        latency_share_data(ofa_mbv3, arch, "note10")
    text = " | ".join(["e3k3 e3k3", "e3k3 e3k3 e3k3", "e3k3 e3k3 e3k3 e3k3", "e3k3 e3k3", "e3k3 e3k3 e3k3"])
    files = latency_shares("moga", archs={"small": text}, devices=["mace_gpu"], out=tmp_path / "shares")
    assert [file.name for file in files] == ["shares.png", "shares.svg"]


def test_rewards_are_those_of_the_searches(tmp_path: Path) -> None:
    found = compare_rewards("moga", latency="latency_ms:tflite_cpu", target=75, budget=120, seeds=2, out=tmp_path / "r")
    frame = rewards_frame(found)
    assert frame[["form", "seed"]].to_numpy().tolist() == [["soft", 0], ["soft", 1], ["hard", 0], ["hard", 1]]
    hard = found.runs["hard"][1]
    latency = hard.archive.metrics["latency_ms:tflite_cpu"]
    assert frame["share_within"].iloc[3] == pytest.approx((latency <= 75).mean())
    reward = hard.archive.metrics["top1_percent"] * np.where(latency <= 75, 1.0, 75 / latency)
    assert frame["top1_percent"].iloc[3] == pytest.approx(hard.archive.metrics["top1_percent"][reward.argmax()])
    assert sum(len(cloud.latency) for cloud in rewards_data(found)) == 4 * 120
    assert found.paired("latency").n == 2
    assert (tmp_path / "r" / "rewards.parquet").is_file()
    assert (tmp_path / "r" / "figures" / "rewards.png").is_file()
    with pytest.raises(OptionError, match="--seeds is 0"):
        compare_rewards("moga", latency="latency_ms:tflite_cpu", target=75, seeds=0)
