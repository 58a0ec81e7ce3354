"""M_b as a grid of expansion by kernel (by squeeze-and-excite), or of bottleneck ratio by width, per metric."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import DIVERGING, add_caption, draw_cells, metric_label
from blockprofile.profile import Profile
from blockprofile.space import Block, Space, kind_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Cell = tuple[float, float, float, bool]


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """One panel: rows by columns of M_b, NaN where there is no such block.

    ``effects`` are against the average block; ``is_effect`` tells which are beyond noise and floor; ``half_widths``
    are those of the 95 % intervals of the effects. All have shape (n_rows, n_columns). ``wide`` names the rows of
    blocks that have no column of their own.
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
    wide: tuple[str, ...] = ()


def _place(block: Block, width: str) -> tuple[str, str, str]:
    """Return panel, row and column of a block."""
    at_width = f"width {width}" if width else ""
    if "kernel" not in kind_of(block).takes:
        # It has a row of its own, as wide as the panel.
        return at_width, block.name, ""
    if block.op == "bottleneck" and block.kernel is None:
        return "", f"ratio {block.ratio:g}", at_width
    parts = ["" if block.se is None else "with SE" if block.se else "without SE", at_width]
    return ", ".join(filter(None, parts)), _row(block), f"kernel {block.kernel or 3}"


def _row(block: Block) -> str:
    """Say what a block is but for its kernel and squeeze-and-excite."""
    words = [] if block.op == "mbconv" else [block.op.replace("_", " ")]
    if block.expansion is not None:
        words.append(f"expansion {block.expansion:g}")
    if block.ratio is not None:
        words.append(f"ratio {block.ratio:g}")
    words += [{"none": "no shortcut", "pool": "pooled shortcut"}.get(block.residual or "", "")]
    words += [f"groups {block.groups}"] if block.groups > 1 else []
    return ", ".join(filter(None, words))


def block_grid_data(profile: Profile, space: Space, metric: str) -> tuple[BlockGrid, ...]:
    """Arrange the M_b of one metric as grids.

    Returns
    -------
    One grid, or one each without and with squeeze-and-excite where the block decides on it; they may differ in rows and
    columns. Of blocks that differ in nothing but their name, the later ones have rows of their own.
    """
    part = profile.rows("M_b", metric)
    cells = {
        str(row["block"]): (row["value"], row["effect"], (row["ci_high"] - row["ci_low"]) / 2, bool(row["is_effect"]))
        for row in part.to_dict("records")
    }
    return arrange_blocks(space, cells, metric=metric, unit=str(part["unit_of"].iloc[0]))


def arrange_blocks(space: Space, cells: Mapping[str, Cell], *, metric: str, unit: str) -> tuple[BlockGrid, ...]:
    """Arrange figures of blocks as grids.

    Parameters
    ----------
    cells
        Block, or width and block (``0.65:b20``) -> value, effect, half width of its interval, whether it is one.
    """
    blocks = {block.name: block for block in space.blocks}
    places: dict[str, tuple[str, str, str]] = {}
    for label in cells:
        width, _, name = label.rpartition(":")
        panel, row, column = _place(blocks[name], width)
        taken = (panel, row, column) in places.values()
        places[label] = (panel, f"{row}, {name}" if taken else row, column)
    grids = []
    for panel in dict.fromkeys(place[0] for place in places.values()):
        mine = {label: place for label, place in places.items() if place[0] == panel}
        rows = tuple(dict.fromkeys(place[1] for place in mine.values()))
        columns = tuple(name for name in dict.fromkeys(place[2] for place in mine.values()) if name) or ("",)
        figures = np.full((len(rows), len(columns), 3), np.nan)
        known = np.zeros((len(rows), len(columns)), dtype=bool)
        for label, (_, row, column) in mine.items():
            at = rows.index(row), columns.index(column) if column in columns else 0
            *figures[at], known[at] = cells[label]
        values, effects, halves = np.moveaxis(figures, 2, 0)
        wide = tuple(row for _, row, column in mine.values() if not column)
        grids.append(BlockGrid(metric, unit, panel, rows, columns, values, effects, halves, known, wide))
    return tuple(grids)


def _decimals(largest: float) -> int:
    """Return how many decimals show an effect of that size with three digits; three decimals do unless it is tiny."""
    if largest <= 0:
        return 2
    place = int(np.floor(np.log10(largest)))
    return int(np.clip(2 - place, 0, max(3, 1 - place)))


def grid_words(grid: BlockGrid, *, limit: float) -> NDArray[np.object_]:
    """Write each cell: its value, its effect (in parentheses where it is none), the half width of its interval."""
    digits = _decimals(limit)
    words = np.full(grid.values.shape, "", dtype=object)
    for at in np.ndindex(grid.values.shape):
        if not np.isnan(grid.values[at]):
            effect, half = grid.effects[at], grid.half_widths[at]
            told = f"{effect:+.{digits}f}" if grid.is_effect[at] else f"({effect:+.{digits}f})"
            words[at] = f"{grid.values[at]:.{digits}f}\n{told}" + (f"\n±{half:.{digits + 1}f}" if half > 0 else "")
    return words


def _centred(words: str, n: int) -> list[str]:
    return [words if place == n // 2 else "" for place in range(n)]


def draw_block_grid(grid: BlockGrid, ax: Axes, *, limit: float) -> None:
    """Draw one panel; the colour runs from -limit to +limit around the average block.

    An effect below noise or floor is drawn without colour and its value in parentheses.
    """
    import matplotlib as mpl

    shown = np.where(grid.is_effect, grid.effects, np.where(np.isnan(grid.effects), np.nan, 0.0))
    words = grid_words(grid, limit=limit)
    wide = [place for place, name in enumerate(grid.rows) if name in grid.wide]
    for row in wide:
        # A skip has no kernel: its one cell is drawn as wide as the row.
        shown[row], words[row] = shown[row, 0], _centred(words[row, 0], len(grid.columns))
    draw_cells(shown, words, ax, limit=limit, rows=grid.rows, columns=grid.columns)
    for text in ax.texts:
        if int(text.get_position()[1]) in wide:
            text.set_x(len(grid.columns) / 2)
    for row in wide:
        colour = mpl.colormaps[DIVERGING](mpl.colors.Normalize(-limit, limit)(shown[row, 0]))
        ax.add_patch(mpl.patches.Rectangle((0, row), len(grid.columns), 1, fc=colour, ec="white", lw=1.5, zorder=1.5))
    ax.set_title(metric_label(grid.metric, grid.unit) + (f", {grid.title}" if grid.title else ""))


def draw_block_grids(grids: Mapping[str, tuple[BlockGrid, ...]], *, title: str, caption: list[str]) -> Figure:
    """Draw the grids of several metrics: one column per metric, one row per panel."""
    import matplotlib.pyplot as plt

    n_rows, n_columns = max(len(panels) for panels in grids.values()), len(grids)
    panels_of_one = max(grids.values(), key=len)
    widest, rows = max(len(panel.columns) for panel in panels_of_one), sum(len(panel.rows) for panel in panels_of_one)
    size = (1.3 + n_columns * (0.85 * widest + 0.9), 1.0 + 0.62 * rows + 0.5 * n_rows + 0.18 * len(caption))
    heights = {"height_ratios": [len(panel.rows) for panel in panels_of_one]}
    figure, axes = plt.subplots(n_rows, n_columns, figsize=size, squeeze=False, gridspec_kw=heights)
    for column, panels in enumerate(grids.values()):
        limit = max(float(np.nanmax(np.abs(panel.effects), initial=0.0)) for panel in panels) or 1.0
        for row, panel in enumerate(panels):
            draw_block_grid(panel, axes[row, column], limit=limit)
            if column:
                axes[row, column].set_yticklabels([])
    figure.suptitle(title)
    add_caption(figure, caption)
    return figure
