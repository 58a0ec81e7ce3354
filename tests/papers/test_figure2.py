"""Figure 2 of BlockProfile: the printed figures, how near ours come, and what its FLOPs counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from blockprofile.errors import OptionError
from blockprofile.papers.figure2 import draw_figure2, figure2, figure2_table, figure2_text
from blockprofile.papers.figure2_flops import count_steps, published_flops_space
from blockprofile.papers.figure2_panels import Panel, compare_panels, published_panels
from blockprofile.plot.style import figure_style
from blockprofile.space import load_space

N = 65_536


@pytest.fixture(scope="module")
def panels() -> tuple[Panel, ...]:
    return compare_panels(n=N)


def pick(panels: tuple[Panel, ...], metric: str, resolution: int = 224) -> Panel:
    return next(panel for panel in panels if (panel.metric, panel.resolution) == (metric, resolution))


def test_twelve_panels_are_printed() -> None:
    printed = published_panels()
    assert len(printed) == 12
    assert all(panel.theirs.shape == (3, 3) and not panel.is_compared for panel in printed)
    cpu = pick(printed, "latency_ms:threadripper2990wx_cpu")
    assert (cpu.decimals, cpu.expansions, cpu.kernels) == (0, (3, 4, 6), (3, 5, 7))
    assert cpu.theirs[:, 0].tolist() == [409.0, 412.0, 413.0]


@pytest.mark.parametrize("resolution", [224, 208, 192])
def test_note10_is_reproduced_to_three_hundredths(panels: tuple[Panel, ...], resolution: int) -> None:
    panel = pick(panels, "latency_ms:note10", resolution)
    assert (panel.how, panel.caption) == ("exact", "measured, floor unknown: not audited")
    assert panel.largest < 0.03
    assert not panel.half_widths.any()


@pytest.mark.parametrize(
    ("metric", "within"),
    [
        ("latency_ms:kirin9000_npu", 0.15),
        ("latency_ms:threadripper2990wx_cpu", 1.0),
        ("latency_ms:rtx2080ti_gpu", 0.03),
        ("top1_percent", 0.12),
    ],
)
def test_distilled_panels_are_near(panels: tuple[Panel, ...], metric: str, within: float) -> None:
    panel = pick(panels, metric)
    assert panel.largest < within
    assert panel.how == "65,536 archs"
    assert 0 < panel.half_widths.max() < within


def test_panels_without_a_predictor_say_so(panels: tuple[Panel, ...]) -> None:
    left = [(panel.metric, panel.resolution) for panel in panels if not panel.is_compared]
    devices = ("latency_ms:kirin9000_npu", "latency_ms:threadripper2990wx_cpu")
    assert left == [(device, resolution) for device in devices for resolution in (208, 192)]
    assert pick(panels, devices[0], 208).how == "no predictor at 208"


@pytest.mark.parametrize(("presence", "off"), [("given", 1.23), ("promoted", 1.13)])
def test_no_other_rule_fits(presence: str, off: float) -> None:
    from blockprofile.predict import load_predictors
    from blockprofile.profile.exact_table import additive_predictors, exact_table

    space = load_space("ofa_mbv3")
    predictors = additive_predictors(load_predictors(space, devices=["note10"], metrics=[]))
    table = exact_table(space, predictors, presence=presence, taus=())  # type: ignore[arg-type]
    ours = table[table["statistic"] == "M_b"].set_index("block")["value"]
    panel = pick(published_panels(), "latency_ms:note10")
    theirs = {
        f"e{e}k{k}": panel.theirs[i, j] for i, e in enumerate(panel.expansions) for j, k in enumerate(panel.kernels)
    }
    assert max(abs(ours[block] - value) for block, value in theirs.items()) == pytest.approx(off, abs=0.01)


def test_channels_explain_the_flops_up_to_a_constant() -> None:
    panel = pick(published_panels(), "flops_m")
    own, channels, ends, without_first, batch_norm, linear = count_steps(panel)
    assert own.spread > 1.3
    assert channels.spread < 0.5, "the figure prints whole millions"
    assert ends.spread == pytest.approx(channels.spread, abs=1e-9)
    assert without_first.offset == pytest.approx(-44.5, abs=0.05)
    assert ends.offset - without_first.offset == pytest.approx(2 * 112**2 * 19 * (9 + 19) / 1e6)
    assert abs(batch_norm.offset) < 4
    assert abs(linear.offset) < 0.3
    for step in count_steps(panel, presence="given"):
        assert step.spread > 6


def test_the_published_channels() -> None:
    space = published_flops_space(load_space("ofa_mbv3"), with_ends=True)
    definition = space.definition
    assert [layer.out for layer in definition.stem] == [19, 19]
    assert [unit.out for unit in definition.units] == [29, 48, 96, 134, 192]
    assert (definition.input.channels, definition.head[-1].out) == (4, 1200)


def test_table_and_text(panels: tuple[Panel, ...]) -> None:
    table = figure2_table(panels)
    assert len(table) == 108
    row = table[(table["metric"] == "latency_ms:note10") & (table["resolution"] == 192)].iloc[-1]
    assert row["difference"] == pytest.approx(row["ours"] - row["theirs"])
    assert (row["expansion"], row["kernel"], row["provenance"]) == (6, 7, "measured, floor unknown: not audited")
    text = figure2_text(panels, count_steps(pick(panels, "flops_m")), presence="cikm21")
    assert "Latency on note10 at 224 [ms]: largest difference 0.018" in text
    assert "Latency on kirin9000_npu at 208 [ms]: not compared, no predictor at 208" in text
    assert "-44.49" in text


def test_drawn_panels_show_both() -> None:
    printed = pick(published_panels(), "latency_ms:note10")
    ours = replace(printed, ours=printed.theirs + 0.01, half_widths=np.zeros((3, 3)), how="exact")
    with figure_style():
        figure = draw_figure2([ours, printed], caption=["measured"])
    left, right, alone, blank = figure.axes
    assert [left.get_title(), right.get_title()] == ["printed", "ours, exact"]
    assert left.texts[0].get_text() == "41.14"
    assert right.texts[0].get_text() == "41.15"
    assert left.texts[-1].get_text() == "differences +0.010 to +0.010"
    assert alone.texts[-1].get_text() == "not compared"
    assert not blank.axison
    plt.close(figure)


def test_the_stage_writes_table_text_and_pictures(tmp_path: Path) -> None:
    made = figure2(tmp_path / "out", n=2_000)
    assert sorted(file.name for file in made.files) == [
        "figure2.csv", "figure2.png", "figure2.svg", "figure2.txt", "presences.png", "presences.svg",
    ]  # fmt: skip
    assert made.path.name == "figure2.png"
    assert (tmp_path / "out" / "figure2.txt").read_text(encoding="utf-8").strip() == made.report.strip()
    table = pd.read_csv(tmp_path / "out" / "figure2.csv")
    assert table["difference"].notna().sum() == 72
    with pytest.raises(OptionError, match="presence 'always' is unknown"):
        figure2(tmp_path, presence="always")
