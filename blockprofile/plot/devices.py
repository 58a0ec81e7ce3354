"""Two devices compared: latencies of the same archs against each other (MoGA's Figure 2), and their blocks' responses.

What is compared is computed in `blockprofile.device.compare`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.device import Comparison
from blockprofile.plot.latency import comparison_data, draw_scatter
from blockprofile.plot.style import add_caption, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STAYS = "0.55"
MOVES = "#AA4499"
"""Purple: orange is a pruned space's."""
FAR = 3
"""A block that moves by so many ranks or more is coloured."""


@dataclass(frozen=True, slots=True)
class BlockRanks:
    """The blocks' responses on two devices, in percent of the mean latency, from the cheapest on the first device.

    ``percents``: float64, shape (n_blocks, 2); ``ranks``: int64, the same shape, 1 for the cheapest.
    """

    devices: tuple[str, str]
    blocks: tuple[str, ...]
    percents: NDArray[np.float64]
    ranks: NDArray[np.int64]
    tau: float


def block_ranks_data(found: Comparison) -> BlockRanks:
    """Arrange the blocks of a comparison by their rank on the first device."""
    rows = sorted(found.blocks, key=lambda row: (row["rank_a"], row["rank_b"]))
    percents = np.array([[row["percent_a"], row["percent_b"]] for row in rows], np.float64)
    ranks = np.array([[row["rank_a"], row["rank_b"]] for row in rows], np.int64)
    return BlockRanks(found.devices, tuple(str(row["block"]) for row in rows), percents, ranks, found.block_tau)


def draw_block_ranks(data: BlockRanks, ax: Axes) -> None:
    """Draw a line for each block from its rank on one device to that on the other; cheapest on top."""
    for block, percents, (first, second) in zip(data.blocks, data.percents, data.ranks, strict=True):
        colour = MOVES if abs(int(first) - int(second)) >= FAR else STAYS
        ax.plot([0, 1], [first, second], color=colour, lw=1.4, marker="o", ms=4)
        ax.text(-0.04, first, f"{block}  {percents[0]:+.1f} %", ha="right", va="center", fontsize=8)
        ax.text(1.04, second, f"{percents[1]:+.1f} %  {block}", ha="left", va="center", fontsize=8)
    ax.set_xlim(-0.75, 1.75)
    ax.set_ylim(len(data.blocks) + 0.6, 0.4)
    ax.set_xticks([0, 1], data.devices)
    ax.xaxis.tick_top()
    ax.set_yticks([])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"Blocks from cheap to dear, Kendall tau {data.tau:.2f}")


def draw_devices(found: Comparison, *, space: str) -> Figure:
    """Draw both: archs on the left, blocks on the right."""
    import matplotlib.pyplot as plt

    data = comparison_data(found, space=space)
    ranks = block_ranks_data(found)
    figure, axes = plt.subplots(1, 2, figsize=(9.6, max(4.6, 1.4 + 0.26 * len(ranks.blocks))))
    draw_scatter(data, axes[0])
    axes[0].set_title(f"{len(data.x):,} random archs of {space}, Kendall tau {found.tau:.2f}")
    draw_block_ranks(ranks, axes[1])
    told = "; ".join(f"{name}: {caption}" for name, caption in zip(found.devices, found.captions, strict=True))
    n = found.latencies.shape[1]
    add_caption(
        figure,
        [
            f"Kendall's tau (±{found.tau_half:.2g}, 95 %) and Spearman's rho ({found.rho:.2f}) are over {n:,} archs. "
            "Percentages: M_b against each one's mean. Coloured blocks move by three ranks or more.",
            f"Provenance: {told}.",
        ],
    )
    return figure


def save_devices(found: Comparison, stem: Path, *, space: str) -> tuple[Path, Path]:
    """Draw a comparison and write it as PNG and SVG.

    Parameters
    ----------
    stem
        The path without suffix.
    """
    with figure_style():
        png, svg = save_figure(draw_devices(found, space=space), stem)
    return png, svg
