"""Figure 2 of BlockProfile, ours beside theirs: table, text and picture. The figures are made in `figure2_panels`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.additive import check_presence
from blockprofile.files import make_folder
from blockprofile.papers.figure2_flops import CountStep, count_steps
from blockprofile.papers.figure2_panels import Panel, Values, compare_panels
from blockprofile.plot import (
    add_caption,
    draw_cells,
    draw_presences,
    figure_style,
    metric_title,
    presence_data,
    save_figure,
    unit_symbol,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_COLUMNS = 3
FLOPS = "flops_m"
AS_COUNTED = 2
"""Which of the counting steps is shown as ours: the channels of the published FLOPs, with both ends."""


@dataclass(frozen=True, slots=True)
class Figure2:
    """What the stage made: the panels, the counting steps of the FLOPs, the text that it prints, the picture."""

    panels: tuple[Panel, ...]
    steps: tuple[CountStep, ...]
    report: str
    path: Path
    files: tuple[Path, ...]


def figure2_table(panels: Sequence[Panel]) -> pd.DataFrame:
    """Make the tidy table: one row per cell; NaN where there are no figures of ours."""
    import pandas as pd

    rows = [
        {
            "metric": panel.metric, "unit": panel.unit, "resolution": panel.resolution, "expansion": expansion,
            "kernel": kernel, "theirs": panel.theirs[row, column], "ours": panel.ours[row, column],
            "difference": panel.differences[row, column], "half_width_95": panel.half_widths[row, column],
            "how": panel.how, "provenance": panel.caption,
        }
        for panel in panels
        for row, expansion in enumerate(panel.expansions)
        for column, kernel in enumerate(panel.kernels)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _digits(panel: Panel) -> int:
    """Return how many decimals our figures get: those that are printed, and one more where these are whole."""
    return panel.decimals or 1


def _panel_title(panel: Panel) -> str:
    name = metric_title(panel.metric)
    return f"{name[0].upper()}{name[1:]} at {panel.resolution} [{unit_symbol(panel.unit)}]"


def _panel_lines(panel: Panel) -> list[str]:
    digits = _digits(panel)
    title = _panel_title(panel)
    if not panel.is_compared:
        return [f"{title}: not compared, {panel.how}"]
    interval = float(panel.half_widths.max())
    sampled = f", 95 % interval at most ±{interval:.{digits + 1}f}" if interval else ""
    lines = [
        f"{title}: largest difference {panel.largest:.{digits + 1}f}, mean {panel.differences.mean():+.{digits + 1}f}, "
        f"within {panel.spread:.{digits + 1}f} of the mean ({panel.how}{sampled}; {panel.caption})"
    ]
    heads = ("printed", "ours", "difference")
    width = max(len(f"{panel.theirs.max():.{digits + 1}f}"), 7) + 1
    head = "".join(f"{name:>{width * len(panel.kernels)}}   " for name in heads).rstrip()
    kernels = "   ".join("".join(f"{f'k{kernel}':>{width}}" for kernel in panel.kernels) for _ in heads)
    lines += [f"     {head}", f"     {kernels}"]
    for row, expansion in enumerate(panel.expansions):
        parts = [
            "".join(f"{value:{sign}{width}.{places}f}" for value in grid[row])
            for grid, sign, places in (
                (panel.theirs, "", panel.decimals), (panel.ours, "", digits), (panel.differences, "+", digits + 1)
            )
        ]  # fmt: skip
        lines.append(f"  e{expansion} " + "   ".join(parts))
    return lines


def figure2_text(panels: Sequence[Panel], steps: Sequence[CountStep], *, presence: str) -> str:
    """Write the comparison for people: every panel, and what explains the FLOPs."""
    blocks = [
        f"Figure 2 of BlockProfile (Mills et al., CIKM 2021): M_b of ofa_mbv3 under the presence '{presence}'",
        *("\n".join(_panel_lines(panel)) for panel in panels),
    ]
    ladder = ["FLOPs, in millions: what is left of the figure (ours less theirs) as the way of counting is changed"]
    ladder.append(f"  {'mean':>8}  {'about it':>8}")
    ladder += [f"  {step.offset:+8.2f}  {'±' + format(step.spread, '.2f'):>8}  {step.words}" for step in steps]
    ladder.append("  The figure prints whole millions, so ±0.5 is nothing.")
    return "\n\n".join([*blocks, "\n".join(ladder)])


def _draw_grid(ax: Axes, values: Values, panel: Panel, *, digits: int, limit: float) -> None:
    shown = values - values.mean()
    words = np.array([[f"{value:.{digits}f}" for value in row] for row in values], dtype=object)
    rows, columns = [f"e{expansion}" for expansion in panel.expansions], [f"k{kernel}" for kernel in panel.kernels]
    draw_cells(shown, words, ax, limit=limit, rows=rows, columns=columns, fontsize=7.5)


def draw_panel(panel: Panel, theirs: Axes, ours: Axes) -> None:
    """Draw a panel as printed and as computed; colours run around each grid's own mean, on one scale."""
    grids = [panel.theirs, panel.ours] if panel.is_compared else [panel.theirs]
    limit = max(panel.floor, *(float(np.abs(grid - grid.mean()).max()) for grid in grids))
    _draw_grid(theirs, panel.theirs, panel, digits=panel.decimals, limit=limit)
    theirs.set_title("printed", fontsize=8)
    if panel.is_compared:
        places = _digits(panel) + 1
        _draw_grid(ours, panel.ours, panel, digits=places - 1, limit=limit)
        ours.set_title(f"ours, {panel.how}", fontsize=8)
        ours.set_yticklabels([])
        told = f"differences {panel.differences.min():+.{places}f} to {panel.differences.max():+.{places}f}"
    else:
        ours.axis("off")
        ours.text(0.5, 0.5, panel.how, ha="center", va="center", fontsize=8, color="0.35", transform=ours.transAxes)
        told = "not compared"
    theirs.text(0, -0.3, told, fontsize=7.5, color="0.35", transform=theirs.transAxes)


def draw_figure2(panels: Sequence[Panel], *, caption: list[str]) -> Figure:
    """Draw all panels, printed beside ours."""
    import matplotlib.pyplot as plt

    n_rows = -(-len(panels) // N_COLUMNS)
    figure = plt.figure(figsize=(4.3 * N_COLUMNS, 1.95 * n_rows + 0.6 + 0.18 * len(caption)))
    outer = figure.subfigures(n_rows, N_COLUMNS, squeeze=False)
    for panel, part in zip(panels, outer.ravel(), strict=False):
        axes = part.subplots(1, 2)
        draw_panel(panel, axes[0], axes[1])
        part.suptitle(_panel_title(panel), fontsize=9, weight="bold")
    add_caption(figure, caption)
    return figure


def _caption(presence: str, n: int, seed: int) -> list[str]:
    return [
        "M_b of ofa_mbv3 as BlockProfile's Figure 2 prints it (Mills et al., CIKM 2021), and computed here under the "
        f"presence '{presence}'. Note10 (measured) and FLOPs (counted with the figure's own channels) are exact; the "
        f"rest is distilled and estimated from {n:,} archs, seed {seed}. Colours run around each grid's own "
        "mean, at least over the predictor's own error.",
    ]


def figure2(out: str | Path, *, presence: str = "cikm21", n: int = 1_000_000, seed: int = 0) -> Figure2:
    """Compute Figure 2 of BlockProfile again and write the comparison.

    Parameters
    ----------
    out
        The folder for ``figure2.csv``, ``figure2.txt``, the picture, and a picture of the presences.
    presence
        The figure was made with ``cikm21``; with another rule the differences show that it was.
    n, seed
        Archs and seed for the metrics that do not add up.

    Raises
    ------
    OptionError
        If the presence is unknown, or ``n`` is not positive.

    References
    ----------
    Mills et al., Profiling Neural Blocks and Design Spaces for Mobile Neural Architecture Search, CIKM 2021, Figure 2.
    """
    rule = check_presence(presence)
    folder = make_folder(Path(out))
    panels = compare_panels(presence=rule, n=n, seed=seed)
    flops = next(panel for panel in panels if panel.metric == FLOPS)
    steps = count_steps(flops, presence=rule)
    counted = replace(flops, ours=steps[AS_COUNTED].ours, how="counted as published")
    panels = tuple(counted if panel is flops else panel for panel in panels)
    report = figure2_text(panels, steps, presence=rule)
    table, text = folder / "figure2.csv", folder / "figure2.txt"
    figure2_table(panels).to_csv(table, index=False)
    text.write_text(report + "\n", encoding="utf-8")
    with figure_style():
        pictures = save_figure(draw_figure2(panels, caption=_caption(rule, n, seed)), folder / "figure2")
        pictures += save_figure(draw_presences(presence_data()), folder / "presences")
    return Figure2(panels, steps, report, pictures[0], (table, text, *pictures))
