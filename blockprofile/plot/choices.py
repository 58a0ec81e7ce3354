"""The blocks of fronts: places across, blocks up, and how many of the archs have each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import SEQUENTIAL, label_cells, undrawn
from blockprofile.space import Archs, Space

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    places = tuple(".".join(str(part) for part in slot.place if part) for slot in slots)
    return Choices(space.block_names, places, shares, firsts, len(every), len(fronts))


def largest_share(maps: Iterable[Choices]) -> float:
    """Return the largest share of a block anywhere in the maps, 1 where there is none."""
    return max((float(np.nanmax(data.shares[:-1], initial=0.0)) for data in maps), default=0.0) or 1.0


def draw_choices(data: Choices, ax: Axes, *, limit: float | None = None, title: str = "") -> None:
    """Draw the shares; what the space leaves out stays grey, and how many have a place is written below.

    The colours end at the share ``limit``, left out at the largest one.
    """
    import seaborn as sns

    blocks = np.vstack([data.shares[:-1], np.full(len(data.places), np.nan)])
    ax.set_facecolor("0.9")
    ax.axhspan(len(data.blocks), len(data.shares), color="white", zorder=0)
    for column, share in enumerate(data.shares[-1]):
        words = f"{100 * share:.0f}"
        ax.text(column + 0.5, len(data.blocks) + 0.5, words, ha="center", va="center", fontsize=6.5)
    with undrawn(ax):
        sns.heatmap(
            100 * blocks, vmin=0, vmax=100 * (limit or largest_share([data])), cmap=SEQUENTIAL,
            mask=np.isnan(blocks), linewidths=1,
            linecolor="white", cbar_kws={"label": "% of archs", "pad": 0.01}, ax=ax,
            xticklabels=False, yticklabels=False,
        )  # fmt: skip
    ax.vlines(data.firsts[1:], 0, len(data.shares), color="0.3", lw=1)
    ax.hlines(len(data.blocks), 0, len(data.places), color="0.3", lw=1)
    label_cells(ax, rows=[*data.blocks, "any [%]"], columns=data.places, fontsize=7.0)
    ax.set_xticks(ax.get_xticks(), data.places, rotation=90)
    ax.set(title=title, xlabel="unit.layer")
