"""Archs as rows of boxes, one per layer, in the style of MoGA's Figure 4: taller is wider, colour is the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from blockprofile.space import Archs, Space, build_sites

if TYPE_CHECKING:
    from matplotlib.axes import Axes

KERNELS = "BuPu"
"""The larger the kernel, the darker; not the colours that tell cases apart in the figures beside this one."""


@dataclass(frozen=True, slots=True)
class Box:
    """One layer: ``height`` from 0 to 1 relative to the largest expansion (or ratio); ``kernel`` 0 for none."""

    unit: int
    layer: int
    label: str
    height: float
    kernel: int
    has_se: bool


def diagram_data(space: Space, arch: Archs) -> tuple[Box, ...]:
    """List the active layers of one arch.

    Parameters
    ----------
    arch
        uint8, shape (n_slots,).
    """

    def size(place: int) -> float:
        block = space.blocks[place]
        return float(block.ratio or block.expansion or 0.0)

    largest = max(size(place) for place in range(space.n_blocks)) or 1.0
    gated = {(site.unit, site.layer) for site in build_sites(space) if (op := site.operator(arch)) and op.se_channels}
    boxes = []
    for unit, depth in zip(space.units, space.depths(arch).tolist(), strict=True):
        for layer in range(1, depth + 1):
            code = int(arch[unit.layer_slot(layer)])
            block, has_se = space.blocks[code], (unit.unit, layer) in gated
            boxes.append(Box(unit.unit, layer, block.name, size(code) / largest, int(block.kernel or 0), has_se))
    return tuple(boxes)


def _colour(kernel: int) -> Any:
    """Colour a kernel, in every arch of every figure alike; from 9 on all are as dark."""
    import matplotlib as mpl

    return mpl.colormaps[KERNELS](min(0.42 + 0.07 * kernel, 1.0)) if kernel else "0.45"


def draw_diagram(boxes: tuple[Box, ...], ax: Axes, *, title: str = "") -> None:
    """Draw one arch; a double rim is squeeze-and-excite, a gap divides units."""
    import matplotlib as mpl

    kernels = sorted({box.kernel for box in boxes})
    x, previous = 0.0, 0
    for box in boxes:
        x += 0.5 if previous and box.unit != previous else 0.0
        if box.unit != previous:
            ax.text(x, -0.16, f"unit {box.unit}", fontsize=7, ha="left", va="top")
        height = max(box.height, 0.12)
        rim, width = ("black", 2.0) if box.has_se else ("white", 0.5)
        ax.add_patch(
            mpl.patches.Rectangle((x, (1 - height) / 2), 0.82, height, fc=_colour(box.kernel), ec=rim, lw=width)
        )
        ax.text(x + 0.41, 0.5, box.label, fontsize=6.5, ha="center", va="center", rotation=90, color="white")
        x, previous = x + 1.0, box.unit
    ax.set_xlim(-0.3, max(x, 1.0))
    ax.set_ylim(-0.35, 1.1)
    ax.set_title(title, fontsize=8.5, loc="left")
    ax.set_axis_off()
    marks = [mpl.patches.Patch(color=_colour(kernel), label=f"kernel {kernel}") for kernel in kernels if kernel]
    if marks:
        ax.legend(handles=marks, frameon=False, fontsize=7, loc="lower right", ncols=len(marks), bbox_to_anchor=(1, 1))
