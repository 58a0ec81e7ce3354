"""Scatter pictures of latencies: predicted against measured (MoGA, Figure 3), one device against another (Figure 2)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.device import Audit, Comparison
from blockprofile.metric import parse_metric
from blockprofile.plot.style import figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOUR = "#0072B2"
"""Blue of Okabe and Ito's palette, which colour-blind readers can tell from the others."""
MAX_POINTS = 2000


@dataclass(frozen=True, slots=True)
class ScatterData:
    """What a scatter picture shows; ``half_width`` draws error bars, ``is_identity`` the line y = x."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_label: str
    y_label: str
    title: str
    caption: str
    half_width: NDArray[np.float64] | None = None
    is_identity: bool = False


def audit_data(audit: Audit, *, device: str, space: str) -> ScatterData:
    """Set the table's sums against whole networks' measured latencies."""
    found, unit = audit.figures, parse_metric(audit.metric).unit
    return ScatterData(
        audit.measured,
        audit.predicted,
        f"measured whole network [{unit}]",
        f"predicted from the table [{unit}]",
        f"{device} on {space}",
        f"RMSE {found['rmse_ms']:.3g} {unit} ({found['rmse_percent']:.1f} %), Kendall tau {found['kendall_tau']:.3f}, "
        f"n = {len(audit.archs)}; measured",
        half_width=audit.half_width,
        is_identity=True,
    )


def comparison_data(comparison: Comparison, *, space: str) -> ScatterData:
    """Set one device's latencies of random archs against the other's; at most the first 2,000 of them."""
    first, second = comparison.devices
    return ScatterData(
        comparison.latencies[0][:MAX_POINTS],
        comparison.latencies[1][:MAX_POINTS],
        f"{first} [{comparison.units[0]}]",
        f"{second} [{comparison.units[1]}]",
        f"Random archs of {space}",
        f"Kendall tau {comparison.tau:.3f}; {first}: {comparison.captions[0]}; {second}: {comparison.captions[1]}",
    )


def draw_scatter(data: ScatterData, axes: Axes) -> None:
    """Draw a scatter picture."""
    import seaborn as sns

    if data.half_width is not None and np.isfinite(data.half_width).all():
        axes.errorbar(data.x, data.y, xerr=data.half_width, fmt="none", ecolor="0.6", elinewidth=0.8, zorder=1)
    size = 16 if len(data.x) <= 200 else 5
    sns.scatterplot(x=data.x, y=data.y, s=size, color=COLOUR, alpha=0.8, linewidth=0, zorder=2, ax=axes)
    if data.is_identity:
        ends = [min(data.x.min(), data.y.min()), max(data.x.max(), data.y.max())]
        axes.plot(ends, ends, color="0.4", linewidth=1, linestyle="--", zorder=0)
    axes.set(xlabel=data.x_label, ylabel=data.y_label, title=data.title)


def save_scatter(data: ScatterData, stem: Path) -> tuple[Path, Path]:
    """Draw a scatter picture and save it as PNG and SVG.

    Returns
    -------
    The paths written: ``stem`` with each suffix.
    """
    from textwrap import fill

    import matplotlib.pyplot as plt

    with figure_style():
        figure, ax = plt.subplots(figsize=(4.8, 4.6))
        draw_scatter(data, ax)
        figure.supxlabel(fill(data.caption, 80), fontsize=7, color="0.35", x=0.02, ha="left")
        png, svg = save_figure(figure, stem)
    return png, svg
