"""Block grids and layer maps as tables with shaded cells, from the data that the figures are drawn from."""

from __future__ import annotations

from itertools import groupby

import numpy as np

from blockprofile.plot import BlockGrid, LayerMap, largest_effect, metric_label
from blockprofile.report.document import Cell, Table
from blockprofile.space import place_name


def digits_of(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> int:
    """Return with how many decimals the largest of some effects has three digits; four do unless it is tiny.

    Examples
    --------
    >>> [digits_of(np.array([largest])) for largest in (250.0, 0.012, 5e-8)]
    [0, 4, 9]
    """
    largest = float(np.nanmax(np.abs(values), initial=0.0))
    if largest <= 0:
        return 2
    place = int(np.floor(np.log10(largest)))
    return int(np.clip(2 - place, 0, max(4, 1 - place)))


def map_table(
    data: LayerMap, *, title: str, n_of: dict[tuple[str, int, int], str] | None = None, limit: float | None = None
) -> Table:
    """Make the table of a layer map: blocks by layers, shaded by effect, faint below noise or floor.

    Parameters
    ----------
    n_of
        (block, unit, layer) -> what else a cell's tip tells, such as its interval.
    limit
        The effect at which the colours end; left out, the map's largest.
    """
    bound = limit or largest_effect([data])
    digits = digits_of(data.effects)
    rows = []
    for row, block in enumerate(data.blocks):
        cells = [Cell(block)]
        for column, (unit, layer) in enumerate(data.layers):
            effect = float(data.effects[row, column])
            if np.isnan(effect):
                cells.append(Cell("·", is_faint=True))
                continue
            known = bool(data.is_effect[row, column])
            more = (n_of or {}).get((block, unit, layer), "")
            tip = f"{block} at {place_name(unit, layer)}: {effect:+.{digits + 1}f} {data.unit}{more}"
            tip += "" if known else "\nbelow noise or the predictor's error"
            cells.append(Cell(f"{effect:+.{digits}f}", effect, effect / bound, tip, not known))
        rows.append(tuple(cells))
    groups = [("", 1)] + [(f"unit {unit}", len(list(of))) for unit, of in groupby(unit for unit, _ in data.layers)]
    words = [f"layer {layer}" if len(data.layers) < 8 else str(layer) for _, layer in data.layers]
    columns = ("block", *(word if layer else "all layers" for word, (_, layer) in zip(words, data.layers, strict=True)))
    caption = (
        f"{metric_label(data.metric, data.unit)}: difference from the space's mean when the block stands there. Red is "
        "more, blue is less; faint cells are below noise or the predictor's own error. Focus the map and walk it with "
        "the arrow keys."
    )
    return Table(title, columns, tuple(rows), caption, is_map=True, groups=tuple(groups))


def block_table(grids: tuple[BlockGrid, ...], *, title: str) -> Table:
    """Make the table of M_b: one grid of rows by columns, panels beside each other, shaded by effect.

    A row that a panel lacks (a skip, which has no squeeze-and-excite) is empty there.
    """
    bound = max(float(np.nanmax(np.abs(grid.effects), initial=0.0)) for grid in grids) or 1.0
    digits = digits_of(np.array([bound]))
    rows = []
    for name in dict.fromkeys(name for grid in grids for name in grid.rows):
        cells = [Cell(name)]
        for grid in grids:
            if name not in grid.rows:
                cells += [Cell("·", is_faint=True)] * len(grid.columns)
                continue
            row = grid.rows.index(name)
            for column in range(len(grid.columns)):
                effect, value = float(grid.effects[row, column]), float(grid.values[row, column])
                if np.isnan(value):
                    cells.append(Cell("·", is_faint=True))
                    continue
                known = bool(grid.is_effect[row, column])
                half = float(grid.half_widths[row, column])
                tip = (
                    f"{name}, {grid.columns[column]} {grid.title}: {value:.{digits}f} {grid.unit} on average,\n"
                    f"{effect:+.{digits}f} ± {half:.{digits + 1}f} against the average block (95 % interval)"
                )
                cells.append(Cell(f"{value:.{digits}f} ({effect:+.{digits}f})", effect, effect / bound, tip, not known))
        rows.append(tuple(cells))
    columns = ["", *(column for grid in grids for column in grid.columns)]
    groups = [("", 1), *((grid.title, len(grid.columns)) for grid in grids)] if len(grids) > 1 else []
    caption = f"Average {metric_label(grids[0].metric, grids[0].unit)} with the block, and its effect in brackets."
    return Table(title, tuple(columns), tuple(rows), caption, is_map=True, groups=tuple(groups))
