"""Sensitivity bars: the share of each metric's variance that every unit's depth and blocks explain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import draw_panels, metric_title
from blockprofile.sensitivity import Sensitivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAYER = "#7FCDBB"
UNIT_SLOT = "#00664F"
OTHER = "0.6"
"""Light and dark green and grey: told apart by lightness."""


@dataclass(frozen=True, slots=True)
class SensitivityBars:
    """Bars of one metric: ``shares`` in percent of the variance, with the bounds of their 95 % intervals.

    All are NaN, and no bar is drawn, where the metric has no variance to share out.

    ``names`` and ``kinds`` (``depth``, ``width``, ``layer``, ``resolution``, ``option``, ``rest``) say of what;
    ``units`` holds the unit's number, 0 where there is none.
    """

    metric: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    units: tuple[int, ...]
    shares: NDArray[np.float64]
    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    is_exact: bool


def sensitivity_data(found: Sensitivity) -> SensitivityBars:
    """Arrange the single slots of a metric's sensitivities, in the order of the network.

    A layer's bar is its block, given the depth. ``rest`` is what no bar shows: interactions between layers and
    between units.
    """
    rows = [row for row in found.rows() if row.kind not in {"unit", "pair", "rest"}]
    shown = sum(row.share.value for row in rows)
    figures = [(row.share.value, row.share.low, row.share.high) for row in rows] + [(1 - shown,) * 3]
    shares, lows, highs = 100 * np.array(figures).T
    return SensitivityBars(
        found.metric, (*(row.name for row in rows), "rest"), (*(row.kind for row in rows), "rest"),
        (*(row.unit for row in rows), 0), shares, lows, highs, found.is_exact,
    )  # fmt: skip


def _label(name: str, kind: str, unit: int) -> str:
    if kind == "layer":
        return name.removeprefix(f"u{unit}l")
    return {"depth": "d", "width": "w"}.get(kind, name.replace("_", " "))


def draw_sensitivity(data: SensitivityBars, ax: Axes) -> None:
    """Draw one panel."""
    import seaborn as sns

    x = np.arange(len(data.names))
    kinds = ["layer" if kind == "layer" else "rest" if kind == "rest" else "slot" for kind in data.kinds]
    palette = {"layer": LAYER, "rest": OTHER, "slot": UNIT_SLOT}
    sns.barplot(x=x, y=data.shares, hue=kinds, palette=palette, dodge=False, saturation=1, legend=False, ax=ax)
    if np.isnan(data.shares).all():
        ax.text(0.5, 0.5, "the same for all archs", ha="center", va="center", transform=ax.transAxes, fontsize=9)
        ax.set_ylim(0, 1)
        ax.set_yticks([])
    elif not data.is_exact:
        inner = slice(0, len(x) - 1)
        errors = np.clip([data.shares - data.lows, data.highs - data.shares], 0, None)[:, inner]
        ax.errorbar(x[inner], data.shares[inner], yerr=errors, fmt="none", ecolor="0.25", elinewidth=0.9)
    ax.set_xticks(x, [_label(*each) for each in zip(data.names, data.kinds, data.units, strict=True)], fontsize=7.5)
    for label, kind in zip(ax.get_xticklabels(), data.kinds, strict=True):
        label.set_rotation(90 if kind in {"option", "resolution"} else 0)
    for unit in dict.fromkeys(unit for unit in data.units if unit):
        here = [place for place, each in enumerate(data.units) if each == unit]
        if here[0]:
            ax.axvline(here[0] - 0.5, color="0.85", lw=0.8, zorder=0)
        ax.annotate(
            f"unit {unit}", ((here[0] + here[-1]) / 2, 0), xycoords=("data", "axes fraction"), xytext=(0, -15),
            textcoords="offset points", ha="center", va="top", fontsize=8,
        )  # fmt: skip
    ax.margins(x=0.01)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(axis="y", labelsize=8)
    ax.set_ylabel("share of variance [%]", fontsize=8)
    ax.set_title(metric_title(data.metric) + (", exact" if data.is_exact else ""), fontsize=10)


def draw_sensitivities(panels: Sequence[SensitivityBars], *, title: str, caption: list[str]) -> Figure:
    """Draw the bars of several metrics."""
    width = max(4.5, 0.8 + 0.21 * len(panels[0].names))
    return draw_panels(draw_sensitivity, panels, (width, 2.4), title=title, caption=caption)
