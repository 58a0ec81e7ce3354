"""The blocks of fronts: places across, blocks up, and how many of the archs have each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import SEQUENTIAL, label_cells, undrawn
from blockprofile.space import Archs, Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Choices", "choices_data", "draw_choices"]


@dataclass(frozen=True, slots=True)
class Choices:
    """Shares of archs: float64, shape (n_blocks + 1, n_places).

    Of the archs that have a place, the share with each block there; the last row is the share of all archs that have
    the place. NaN is what the space leaves out, and every block of a place that no arch has. ``firsts`` are the columns
    in which units begin; ``n_fronts`` how many fronts have archs.
    """

    blocks: tuple[str, ...]
    places: tuple[str, ...]
    shares: NDArray[np.float64]
    firsts: tuple[int, ...]
    n_archs: int
    n_fronts: int


def choices_data(space: Space, fronts: Sequence[Archs]) -> Choices:
    """Count the layers' blocks in fronts, each of which counts alike; empty ones do not.

    Parameters
    ----------
    space
        The space that was searched, pruned or not.
    fronts
        One for each search: uint8, shape (n, n_slots).
    """
    slots, fronts = space.layer_slots, [archs for archs in fronts if len(archs)]
    shares = np.full((space.n_blocks + 1, len(slots)), np.nan)
    weights = np.concatenate([np.empty(0), *(np.full(len(archs), 1 / len(archs) / len(fronts)) for archs in fronts)])
    every = np.concatenate([np.empty((0, space.n_slots), np.uint8), *fronts])
    for column, slot in enumerate(slots):
        codes = every[:, slot.index]
        counts = np.bincount(codes, weights, minlength=space.n_blocks)[: space.n_blocks]
        shares[-1, column] = counts.sum()
        for code in space.allowed[slot.index]:
            if counts.sum() > 0 and code < space.n_blocks:
                shares[code, column] = counts[code] / counts.sum()
    firsts = tuple(column for column, slot in enumerate(slots) if slot.layer <= 1)
    places = tuple(f"{slot.unit}.{slot.layer}" if slot.layer else f"{slot.unit}" for slot in slots)
    return Choices(space.block_names, places, shares, firsts, len(every), len(fronts))


def draw_choices(data: Choices, ax: Axes, *, title: str = "") -> None:
    """Draw the shares; what the space leaves out stays grey."""
    import seaborn as sns

    ax.set_facecolor("0.9")
    with undrawn(ax):
        sns.heatmap(
            100 * data.shares, vmin=0, vmax=100, cmap=SEQUENTIAL, mask=np.isnan(data.shares), linewidths=1,
            linecolor="white", cbar_kws={"label": "% of archs", "pad": 0.01}, ax=ax,
            xticklabels=False, yticklabels=False,
        )  # fmt: skip
    ax.vlines(data.firsts[1:], 0, len(data.shares), color="0.3", lw=1)
    ax.hlines(len(data.blocks), 0, len(data.places), color="0.3", lw=1)
    label_cells(ax, rows=[*data.blocks, "any"], columns=data.places, fontsize=7.0)
    ax.set_xticks(ax.get_xticks(), data.places, rotation=90)
    ax.set(title=title, xlabel="unit.layer")
