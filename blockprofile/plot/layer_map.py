"""M_(u,l,b) as a map: blocks by (unit, layer), one map per metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import DIVERGING, add_caption, metric_label
from blockprofile.profile import Profile, Statistic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FAINT = 0.25
"""The share of its colour that a cell keeps which is no effect."""
ABSENT = 0.88
"""The grey of a cell where no block can stand."""


@dataclass(frozen=True, slots=True)
class LayerMap:
    """Effects of blocks (rows) at layers (columns), NaN where a block cannot stand; shape (n_blocks, n_layers).

    ``layers`` are pairs of unit and layer in the order of the network, the layer 0 where a unit's layers share a block.
    """

    metric: str
    unit: str
    blocks: tuple[str, ...]
    layers: tuple[tuple[int, int], ...]
    effects: NDArray[np.float64]
    is_effect: NDArray[np.bool_]


def layer_map_data(
    profile: Profile, metric: str, *, statistic: Statistic = "M_ulb", tau: float | None = None
) -> LayerMap:
    """Arrange the layer responses of one metric as a map.

    Parameters
    ----------
    statistic, tau
        ``M_ulb``, or ``M_tau`` with one of the table's tau.

    Returns
    -------
    The map; blocks stand in the order of the table.
    """
    part = profile.rows(statistic, metric)
    if tau is not None:
        part = part[np.isclose(part["tau"], tau)]
    blocks = tuple(dict.fromkeys(part["block"]))
    layers = tuple(sorted({(int(u), int(layer)) for u, layer in zip(part["u"], part["layer"], strict=True)}))
    effects = np.full((len(blocks), len(layers)), np.nan)
    known = np.zeros(effects.shape, dtype=bool)
    for record in part.to_dict("records"):
        place = blocks.index(record["block"]), layers.index((record["u"], record["layer"]))
        effects[place], known[place] = record["effect"], record["is_effect"]
    unit = str(part["unit_of"].iloc[0]) if len(part) else ""
    return LayerMap(metric, unit, blocks, layers, effects, known)


def largest_effect(maps: Iterable[LayerMap]) -> float:
    """Return the largest effect of the maps, up or down, at which their colours end; 1 where there is none."""
    return max((float(np.nanmax(np.abs(data.effects), initial=0.0)) for data in maps), default=0.0) or 1.0


def layer_colours(data: LayerMap, *, limit: float) -> NDArray[np.float64]:
    """Colour the cells: red above zero, blue below, mixed with white where it is no effect, grey where no block is.

    Returns
    -------
    float64, shape (n_blocks, n_layers, 3), from 0 to 1.
    """
    import matplotlib as mpl

    norm = mpl.colors.Normalize(-limit, limit)
    colours = np.asarray(mpl.colormaps[DIVERGING](norm(np.nan_to_num(data.effects))), np.float64)[..., :3]
    share = np.where(data.is_effect, 1.0, FAINT)[..., None]
    mixed = share * colours + (1 - share)
    return np.asarray(np.where(np.isnan(data.effects)[..., None], ABSENT, mixed), np.float64)


def draw_layer_map(data: LayerMap, ax: Axes, *, limit: float | None = None, title: str = "") -> None:
    """Draw one map with a colour bar; what is below noise or floor is faint, units are set apart by lines."""
    import matplotlib as mpl

    bound = limit or largest_effect([data])
    ax.imshow(layer_colours(data, limit=bound), aspect="auto", interpolation="nearest")
    units = [unit for unit, _ in data.layers]
    starts = [place for place, unit in enumerate(units) if place == 0 or unit != units[place - 1]]
    for start in starts[1:]:
        ax.axvline(start - 0.5, color="black", lw=1.0)
    ax.set_xticks(range(len(data.layers)), [str(layer or "") for _, layer in data.layers], fontsize=8)
    ax.set_yticks(range(len(data.blocks)), data.blocks, fontsize=8)
    ax.tick_params(length=0)
    for start, stop in zip(starts, [*starts[1:], len(units)], strict=True):
        ax.annotate(
            f"unit {units[start]}", ((start + stop - 1) / 2, 0), xycoords=("data", "axes fraction"), xytext=(0, -16),
            textcoords="offset points", ha="center", va="top", fontsize=8,
        )  # fmt: skip
    mappable = mpl.cm.ScalarMappable(mpl.colors.Normalize(-bound, bound), DIVERGING)
    bar = ax.figure.colorbar(mappable, ax=ax, pad=0.01, fraction=0.03)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    ax.set_title(title or f"{metric_label(data.metric, data.unit)}: effect of a block at its place", fontsize=10)


def draw_layer_maps(maps: list[LayerMap], *, title: str, caption: list[str], titles: list[str] | None = None) -> Figure:
    """Draw several maps below each other; those of one metric have one scale."""
    import matplotlib.pyplot as plt

    height = sum(0.24 * len(data.blocks) + 0.85 for data in maps) + 0.5 + 0.18 * len(caption)
    width = 2.6 + 0.36 * max(len(data.layers) for data in maps)
    figure, axes = plt.subplots(len(maps), 1, figsize=(max(7.0, width), height), squeeze=False)
    for place, (data, ax) in enumerate(zip(maps, axes[:, 0], strict=True)):
        limit = largest_effect(each for each in maps if each.metric == data.metric)
        draw_layer_map(data, ax, limit=limit, title=titles[place] if titles else "")
    figure.suptitle(title)
    add_caption(figure, caption)
    return figure
