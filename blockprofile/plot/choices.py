"""Chosen archs as parallel lines: layers across, blocks up, one line per arch, coloured by its cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import SEQUENTIAL
from blockprofile.space import INACTIVE, Archs, Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Choices", "choices_data", "draw_choices"]


@dataclass(frozen=True, slots=True)
class Choices:
    """Blocks of archs at layers: ``codes`` float64, shape (n, n_layers), NaN where the layer is not active.

    ``layers`` are pairs of unit and layer, ``order`` the archs by rising cost.
    """

    blocks: tuple[str, ...]
    layers: tuple[tuple[int, int], ...]
    codes: NDArray[np.float64]
    cost: NDArray[np.float64]
    order: NDArray[np.intp]


def choices_data(space: Space, archs: Archs, cost: NDArray[np.floating]) -> Choices:
    """Take the layers' blocks from archs.

    Parameters
    ----------
    archs
        uint8, shape (n, n_slots).
    cost
        What colours the lines, shape (n,).
    """
    slots = space.layer_slots
    codes = archs[:, [slot.index for slot in slots]].astype(np.float64)
    codes[codes == INACTIVE] = np.nan
    layers = tuple(slot.place for slot in slots)
    values = np.asarray(cost, np.float64)
    return Choices(space.block_names, layers, codes, values, np.argsort(values, kind="stable"))


def draw_choices(data: Choices, ax: Axes, *, label: str, title: str = "") -> None:
    """Draw the lines, each shifted a little by its place in the order of cost, so that equal choices stay visible."""
    import matplotlib as mpl

    norm = mpl.colors.Normalize(float(data.cost.min()), float(data.cost.max()))
    n = len(data.order)
    for place, arch in enumerate(data.order):
        shift = 0.5 * (place / max(n - 1, 1) - 0.5)
        colour = mpl.colormaps[SEQUENTIAL](norm(data.cost[arch]))
        ax.plot(np.arange(len(data.layers)), data.codes[arch] + shift, color=colour, lw=1.0, marker="o", ms=2.2)
    units = [unit for unit, _ in data.layers]
    for place in range(1, len(units)):
        if units[place] != units[place - 1]:
            ax.axvline(place - 0.5, color="0.6", lw=0.8)
    labels = [f"{unit}.{layer}" if layer else str(unit) for unit, layer in data.layers]
    ax.set_xticks(range(len(labels)), labels, fontsize=7, rotation=90)
    ax.set_yticks(range(len(data.blocks)), data.blocks, fontsize=8)
    ax.set_ylim(-0.6, len(data.blocks) - 0.4)
    ax.set(xlabel="unit.layer", title=title)
    bar = ax.figure.colorbar(mpl.cm.ScalarMappable(norm, SEQUENTIAL), ax=ax, pad=0.01)
    bar.set_label(label)
