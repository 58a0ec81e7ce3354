"""Depth responses: how the expectation of a metric changes with the depth of each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import draw_panels, metric_label
from blockprofile.profile import Profile

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOUR = "#0072B2"
"""Blue of Okabe and Ito's palette, which colour-blind readers can tell from the others."""
FAINT = "0.6"


@dataclass(frozen=True, slots=True)
class DepthResponses:
    """Effects of the depths of every unit that has a choice, against the space's mean.

    ``units`` maps a unit to its depths, ascending; ``effects``, ``half_widths`` (of 95 % intervals) and ``is_effect``
    hold one figure for each depth of each unit, in that order.
    """

    metric: str
    unit: str
    units: Mapping[int, tuple[int, ...]]
    effects: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    is_effect: NDArray[np.bool_]


def depth_data(profile: Profile, metric: str) -> DepthResponses | None:
    """Arrange the depth responses of one metric.

    Returns
    -------
    None where no unit has a choice of depth.
    """
    part = profile.rows("M_d", metric).sort_values(["u", "depth"])
    if part.empty:
        return None
    units: dict[int, tuple[int, ...]] = {}
    for unit, depth in zip(part["u"].tolist(), part["depth"].tolist(), strict=True):
        units[unit] = (*units.get(unit, ()), depth)
    half_widths = (part["ci_high"] - part["ci_low"]).to_numpy(np.float64) / 2
    return DepthResponses(
        metric, str(part["unit_of"].iloc[0]), units, part["effect"].to_numpy(np.float64), half_widths,
        part["is_effect"].to_numpy(bool),
    )  # fmt: skip


def draw_depth(data: DepthResponses, ax: Axes) -> None:
    """Draw one panel: a line of points for each unit; what is below noise or floor is hollow and grey."""
    ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    start, ticks, labels = 0, [], []
    for place, (unit, depths) in enumerate(data.units.items()):
        here = slice(start, start + len(depths))
        x = start + place + np.arange(len(depths), dtype=np.float64)
        effects, half, known = data.effects[here], data.half_widths[here], data.is_effect[here]
        ax.plot(x, effects, color="0.75", lw=1.0, zorder=1)
        ax.errorbar(x, effects, yerr=half, fmt="none", ecolor=COLOUR, elinewidth=1.0, capsize=2, zorder=2)
        ax.scatter(
            x, effects, s=26, zorder=3, linewidths=1.0, edgecolors=[COLOUR if each else FAINT for each in known],
            color=[COLOUR if each else "white" for each in known],
        )  # fmt: skip
        ticks += x.tolist()
        labels += [str(depth) for depth in depths]
        ax.annotate(
            f"unit {unit}", (float(x.mean()), 0), xycoords=("data", "axes fraction"), xytext=(0, -17),
            textcoords="offset points", ha="center", va="top", fontsize=8,
        )  # fmt: skip
        start += len(depths)
    ax.set_xticks(ticks, labels, fontsize=8)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(axis="y", labelsize=8)
    ax.set_title(f"{metric_label(data.metric, data.unit)}: effect of a unit's depth", fontsize=10)


def draw_depths(panels: Sequence[DepthResponses], *, title: str, caption: list[str]) -> Figure:
    """Draw the depth responses of several metrics."""
    width = 1.3 + 0.24 * len(panels[0].effects)
    return draw_panels(draw_depth, panels, (width, 2.5), least=7.0, title=title, caption=caption)
