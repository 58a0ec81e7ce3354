"""M_b as a grid of expansion by kernel (by squeeze-and-excite), or of bottleneck ratio by width, per metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import DIVERGING, add_caption, metric_label
from blockprofile.space import Block, Space

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BlockGrid", "block_grid_data", "draw_block_grid", "draw_block_grids"]


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """One panel: rows by columns of M_b, NaN where there is no such block.

    ``effects`` are against the average block; ``is_effect`` tells which are beyond noise and floor; ``half_widths``
    are those of the 95 % intervals of the effects. All have shape (n_rows, n_columns).
    """

    metric: str
    unit: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: NDArray[np.float64]
    effects: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    is_effect: NDArray[np.bool_]


def _place(block: Block, width: str) -> tuple[str, str, str]:
    """Return panel, row and column of a block."""
    if block.op == "skip":
        return "", "skip", ""
    if block.op == "bottleneck":
        return "", f"ratio {block.ratio:g}", f"width {width}" if width else ""
    panel = "" if block.se is None else "with SE" if block.se else "without SE"
    return panel, f"expansion {block.expansion:g}", f"kernel {block.kernel}"


def block_grid_data(table: pd.DataFrame, space: Space, metric: str) -> tuple[BlockGrid, ...]:
    """Arrange the M_b of one metric as grids.

    Parameters
    ----------
    table
        The table of responses.
    space
        The space of the profile.
    metric
        One of its metrics.

    Returns
    -------
    One grid, or one each without and with squeeze-and-excite where the block decides on it.
    """
    part = table[(table["statistic"] == "M_b") & (table["metric"] == metric)]
    blocks = {block.name: block for block in space.blocks}
    places: dict[str, tuple[str, str, str]] = {}
    for label in part["block"]:
        width, _, name = label.rpartition(":")
        places[label] = _place(blocks[name], width)
    grids = []
    for panel in dict.fromkeys(place[0] for place in places.values()):
        mine = {label: place for label, place in places.items() if place[0] == panel}
        rows = tuple(dict.fromkeys(place[1] for place in mine.values()))
        columns = tuple(name for name in dict.fromkeys(place[2] for place in mine.values()) if name) or ("",)
        arrays = {name: np.full((len(rows), len(columns)), np.nan) for name in ("value", "effect", "half", "is_effect")}
        for record in part.to_dict("records"):
            if record["block"] not in mine:
                continue
            _, row, column = mine[record["block"]]
            place = rows.index(row), columns.index(column) if column in columns else 0
            arrays["value"][place], arrays["effect"][place] = record["value"], record["effect"]
            arrays["half"][place] = (record["ci_high"] - record["ci_low"]) / 2
            arrays["is_effect"][place] = record["is_effect"]
        grids.append(
            BlockGrid(
                metric, str(part["unit_of"].iloc[0]), panel, rows, columns, arrays["value"], arrays["effect"],
                arrays["half"], arrays["is_effect"] == 1,
            )
        )  # fmt: skip
    return tuple(grids)


def _decimals(largest: float) -> int:
    """Return how many decimals show an effect of that size with three digits."""
    return int(np.clip(2 - np.floor(np.log10(largest)), 0, 4)) if largest > 0 else 2


def draw_block_grid(grid: BlockGrid, ax: Axes, *, limit: float) -> None:
    """Draw one panel; the colour runs from -limit to +limit around the average block.

    An effect below noise or floor is drawn without colour and its value in parentheses.
    """
    import seaborn as sns

    digits = _decimals(limit)
    words = np.full(grid.values.shape, "", dtype=object)
    for place in np.ndindex(grid.values.shape):
        if not np.isnan(grid.values[place]):
            effect, half = grid.effects[place], grid.half_widths[place]
            told = f"{effect:+.{digits}f}" if grid.is_effect[place] else f"({effect:+.{digits}f})"
            words[place] = f"{grid.values[place]:.{digits}f}\n{told}\n±{half:.{digits + 1}f}"
    sns.heatmap(
        np.where(grid.is_effect, grid.effects, np.where(np.isnan(grid.effects), np.nan, 0.0)), annot=words, fmt="",
        cmap=DIVERGING, center=0.0, vmin=-limit, vmax=limit, cbar=False, linewidths=1.0, linecolor="white", ax=ax,
        xticklabels=list(grid.columns), yticklabels=list(grid.rows), annot_kws={"fontsize": 7.5},
    )  # fmt: skip
    ax.tick_params(length=0)
    ax.set_yticklabels(grid.rows, rotation=0)
    ax.set_title(metric_label(grid.metric, grid.unit) + (f", {grid.title}" if grid.title else ""))


def draw_block_grids(grids: Mapping[str, tuple[BlockGrid, ...]], *, title: str, caption: list[str]) -> Figure:
    """Draw the grids of several metrics: one column per metric, one row per panel."""
    import matplotlib.pyplot as plt

    n_rows, n_columns = max(len(panels) for panels in grids.values()), len(grids)
    shape = next(iter(grids.values()))[0].values.shape
    size = (1.3 + n_columns * (0.85 * shape[1] + 0.9), 1.0 + n_rows * (0.62 * shape[0] + 0.5) + 0.18 * len(caption))
    figure, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False)
    for column, panels in enumerate(grids.values()):
        limit = max(float(np.nanmax(np.abs(panel.effects), initial=0.0)) for panel in panels) or 1.0
        for row, panel in enumerate(panels):
            draw_block_grid(panel, axes[row, column], limit=limit)
            if column:
                axes[row, column].set_yticklabels([])
    figure.suptitle(title)
    add_caption(figure, caption)
    return figure
