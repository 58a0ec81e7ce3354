"""The words, the cells and the files that all figures share."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from blockprofile.plot.style import add_caption, draw_cells, figure_style, metric_label, metric_title, save_figure


@pytest.mark.parametrize(
    ("metric", "unit", "label"),
    [
        ("latency_ms:note10", "ms", "latency on note10 [ms]"),
        ("top1_percent", "percent", "top-1 accuracy [%]"),
        ("top1_percent:ofa", "%", "top-1 accuracy, scale of ofa [%]"),
        ("flops_m", "M", "FLOPs [M]"),
        ("energy_mj:board", "mJ", "energy on board [mJ]"),
        ("score", "", "score"),
    ],
)
def test_labels(metric: str, unit: str, label: str) -> None:
    assert metric_label(metric, unit) == label
    assert label.startswith(metric_title(metric))


def test_the_style_leaves_nothing_behind() -> None:
    before = dict(mpl.rcParams)
    with figure_style():
        assert mpl.rcParams["figure.constrained_layout.use"]
    resolved_at_first_use = {"backend", "backend_fallback"}
    assert {key: value for key, value in mpl.rcParams.items() if key not in resolved_at_first_use} == {
        key: value for key, value in before.items() if key not in resolved_at_first_use
    }


def test_cells_carry_their_words_and_dark_ones_white_text() -> None:
    axes = Figure().add_subplot()
    values = np.array([[0.0, 1.0], [-1.0, np.nan]])
    words = np.array([["none", "high"], ["low", ""]], dtype=object)
    draw_cells(values, words, axes, limit=1.0, rows=["a", "b"], columns=["c", "d"])
    assert {text.get_text(): text.get_color() for text in axes.texts} == {
        "none": ".15",
        "high": "w",
        "low": "w",
    }
    (image,) = axes.collections
    assert image.get_clim() == (-1.0, 1.0)


def test_a_figure_is_saved_twice_alike_and_closed(tmp_path: Path) -> None:
    written = []
    for name in ("a", "b"):
        with figure_style():
            figure, axes = plt.subplots(figsize=(3, 2))
            axes.plot([0, 1], [0, 1])
            add_caption(figure, ["provenance: counted"])
            files = save_figure(figure, tmp_path / "new" / name)
        assert not plt.fignum_exists(figure.number)
        assert [file.suffix for file in files] == [".png", ".svg"]
        written.append([file.read_bytes() for file in files])
    assert written[0] == written[1]
    assert written[0][0].startswith(b"\x89PNG")
    assert b"provenance: counted" in written[0][1]


def test_captions_are_wrapped() -> None:
    figure = Figure(figsize=(4, 2))
    add_caption(figure, ["word " * 60])
    assert len(figure.get_supxlabel().split("\n")) > 2


def test_dollars_in_names_are_shown_as_they_are(tmp_path: Path) -> None:
    figure, ax = plt.subplots()
    ax.set_title("Block responses $M_b$: a $\\frac b")
    ax.set_xlabel("latency on $\\nothing$ [ms]")
    ax.set_xticks([0, 1], ["$x$", "$\\frac$"])
    ax.set_yscale("log")
    ax.plot([0, 1], [1, 1e4])
    _, svg = save_figure(figure, tmp_path / "figure")
    assert ax.get_title() == "Block responses $M_b$: a \\$\\frac b"
    assert not ax.xaxis.label.get_parse_math()
    assert "$x$" in svg.read_text(encoding="utf-8")  # matplotlib writes each text as a comment
    assert "mathdefault" in ax.get_yticklabels()[1].get_text()
