"""Distributions and the published networks among them: counts by hand, places of marks, what is drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot as plt

from blockprofile.errors import ArchError, RunError
from blockprofile.plot.distribution import (
    arrange_marks,
    distribution_data,
    draw_distributions,
    mark_networks,
    printed_figure,
    read_metrics,
)
from blockprofile.plot.style import figure_style
from blockprofile.predict import Evaluator, load_predictors
from blockprofile.run import PoolRequest
from blockprofile.run.sample import sample
from blockprofile.space import Space, load_space, named_archs

VALUES = np.arange(1, 101, dtype=np.float32)


def test_shares_quantiles_and_places() -> None:
    data = distribution_data(VALUES, metric="macs_m", unit="M", predicted={"MoGA-A": 50.5, "MoGA-C": 0.0})
    assert data.shares.sum() == pytest.approx(1.0)
    assert (data.edges[0], data.edges[-1], data.n) == (1.0, 100.0, 100)
    assert data.quantiles == {0.05: 5.0, 0.5: 50.0, 0.95: 95.0}
    first, second = data.marks
    assert (first.name, first.below, first.printed) == ("MoGA-A", 0.5, 304.0)
    assert second.below == 0.0


def test_a_constant_metric_fills_one_bin() -> None:
    data = distribution_data(np.full(7, 3.0, np.float32), metric="macs_m", unit="M")
    assert data.shares.max() == 1.0
    assert set(data.quantiles.values()) == {3.0}
    assert data.marks == ()


def test_the_argument_is_not_written_to(frozen) -> None:  # type: ignore[no-untyped-def]
    distribution_data(frozen(VALUES), metric="macs_m", unit="M")


def test_named_networks_are_members(moga: Space) -> None:
    archs = named_archs(moga)
    assert list(archs) == ["MoGA-A", "MoGA-B", "MoGA-C"]
    assert archs["MoGA-C"].tolist() == [2, 0, 2, 0, 2, 2, 9, 2, 2, 6, 7, 7, 7, 7]
    assert named_archs(load_space("ofa_mbv3")) == {}
    allowed = [list(codes) for codes in moga.allowed]
    allowed[0] = [2]
    assert list(named_archs(moga.restricted(allowed, name="first layer fixed"))) == ["MoGA-C"]


def test_marks_are_what_the_predictors_give(moga: Space) -> None:
    found = mark_networks(moga, Evaluator(moga, load_predictors(moga, metrics=["macs_m"])))
    assert found["macs_m"] == pytest.approx({"MoGA-A": 304.0, "MoGA-B": 248.0, "MoGA-C": 221.0}, abs=0.7)


def test_chosen_archs_are_marked_under_their_own_text(moga: Space) -> None:
    evaluate = Evaluator(moga, load_predictors(moga, metrics=["macs_m"]))
    text = "e3k3 e3k3 | e3k3 e3k3 e3k3 | e3k3 e3k3 e3k3 e3k3 | e3k3 e3k3 | e3k3 e3k3 e3k3"
    found = mark_networks(moga, evaluate, ["MoGA-B", text])["macs_m"]
    assert found == pytest.approx({"MoGA-B": 248.0, text: 153.014}, abs=0.7)
    with pytest.raises(ArchError, match="MoGA-D"):
        mark_networks(moga, evaluate, ["MoGA-D"])


@pytest.mark.parametrize(
    ("metric", "printed"),
    [("top1_percent", 75.9), ("params_m", 5.1), ("latency_ms:mace_gpu", 11.1), ("latency_ms:mine", None), ("x", None)],
)
def test_printed_figures(metric: str, printed: float | None) -> None:
    assert printed_figure("MoGA-A", metric) == printed
    assert printed_figure("a network of one's own", metric) is None


@pytest.mark.parametrize(("places", "side"), [((80.0, 90.0, 99.0), "left"), ((2.0, 9.0, 30.0), "right")])
def test_labels_do_not_cross_lines(places: tuple[float, ...], side: str) -> None:
    predicted = dict(zip(("MoGA-B", "MoGA-A", "MoGA-C"), places, strict=True))
    order = arrange_marks(distribution_data(VALUES, metric="macs_m", unit="M", predicted=predicted))
    assert {each[3] for each in order} == {side}
    # Going up, every line lies further from the side of the labels, so the labels below it end before it.
    upwards = [mark.predicted for mark, _, _, _ in sorted(order, key=lambda each: each[2])]
    assert upwards == sorted(upwards, reverse=side == "right")
    assert len({colour for _, colour, _, _ in order}) == 3


def test_labels_that_would_run_out_of_the_panel_are_on_both_sides() -> None:
    predicted = {"MoGA-B": 1.0, "MoGA-A": 98.0, "MoGA-C": 2.0}
    order = arrange_marks(distribution_data(VALUES, metric="macs_m", unit="M", predicted=predicted))
    upwards = [(mark.name, side) for mark, _, _, side in sorted(order, key=lambda each: each[2])]
    assert upwards == [("MoGA-A", "left"), ("MoGA-C", "right"), ("MoGA-B", "right")]


def test_values_are_read_from_all_shards(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no samples"):
        read_metrics(tmp_path, ["macs_m"])
    sample(PoolRequest("moga", metrics=["macs_m"], n=70_000, seed=1), out=tmp_path / "run")
    values = read_metrics(tmp_path / "run", ["macs_m"])["macs_m"]
    assert (values.shape, values.dtype) == ((70_000,), np.float32)


def test_drawn_lines_and_triangles() -> None:
    data = distribution_data(VALUES, metric="macs_m", unit="M", predicted={"MoGA-A": 50.0, "MoGA-B": 60.0})
    bare = distribution_data(VALUES, metric="params_m", unit="M")
    with figure_style():
        figure = draw_distributions([data, bare, bare], title="moga", caption=["counted"])
    axes = figure.axes[0]
    words = [text.get_text() for text in axes.texts]
    assert words == ["5%", "50%", "95%", "MoGA-A (49% below)", "MoGA-B (59% below)"]
    assert sorted(float(line.get_xdata()[0]) for line in axes.lines) == [248.0, 304.0], "printed multiply-adds"
    assert axes.get_xlabel() == "multiply-adds [M]"
    assert not figure.axes[3].axison
    plt.close(figure)
