"""What the steps of factors do, unit by unit and over the network, and which factors interact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot.style import SEQUENTIAL, add_caption, draw_cells, metric_label
from blockprofile.profile import Profile, Statistic, step_words

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NETWORK_COLOUR = "0.15"
FAINT = "0.6"
STRUCTURE = ("depth", "width", "unit width", "skip")
"""Factors that change how much of a unit there is: as a rule their effects are of another size than the blocks'."""


@dataclass(frozen=True, slots=True)
class FactorEffects:
    """Effects of steps (rows) in units (columns), NaN where a unit has no such step; shape (n_steps, n_units).

    ``units`` begins with 0, the network; ``low`` and ``high`` are the ends of 95 % intervals.
    """

    metric: str
    unit: str
    steps: tuple[str, ...]
    units: tuple[int, ...]
    effects: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    is_effect: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FactorPairs:
    """Interactions of steps over the network, symmetric, NaN where two steps meet nowhere; shape (n_steps, n_steps)."""

    metric: str
    unit: str
    steps: tuple[str, ...]
    effects: NDArray[np.float64]
    is_effect: NDArray[np.bool_]


def factor_data(profile: Profile, metric: str, *, statistic: Statistic = "M_factor") -> tuple[FactorEffects, ...]:
    """Arrange the effects of factors on one metric.

    Parameters
    ----------
    statistic
        ``M_factor``, or ``M_pair`` for interactions by unit.

    Returns
    -------
    The steps of blocks, then those of widths, depths and skips; what there is none of is left out.
    """
    rows = profile.rows(statistic, metric)
    is_structure = np.array([any(is_of_structure(part) for part in name.split(" x ")) for name in rows["block"]], bool)
    parts = [rows[~is_structure], rows[is_structure]]
    return tuple(_arrange(part, metric) for part in parts if len(part))


def is_of_structure(step: str) -> bool:
    """Tell whether a step is of a width, a depth or a skip.

    Examples
    --------
    >>> is_of_structure("depth 2->3"), is_of_structure("kernel 3->5")
    (True, False)
    """
    return step.rpartition(" ")[0] in STRUCTURE


def _arrange(rows: pd.DataFrame, metric: str) -> FactorEffects:
    steps = tuple(dict.fromkeys(rows["block"]))
    units = tuple(sorted({int(unit) for unit in rows["u"]}))
    shape = len(steps), len(units)
    effects, low, high = (np.full(shape, np.nan) for _ in range(3))
    known = np.zeros(shape, bool)
    for row in rows.to_dict("records"):
        place = steps.index(row["block"]), units.index(int(row["u"]))
        effects[place], known[place] = row["effect"], row["is_effect"]
        low[place], high[place] = row["ci_low"], row["ci_high"]
    return FactorEffects(metric, str(rows["unit_of"].iloc[0]), steps, units, effects, low, high, known)


def pair_data(profile: Profile, metric: str) -> FactorPairs | None:
    """Arrange the interactions of steps over the network; None where no two factors vary together."""
    rows = profile.rows("M_pair", metric)
    rows = rows[rows["u"] == 0]
    if rows.empty:
        return None
    pairs = [tuple(name.split(" x ")) for name in rows["block"]]
    steps = tuple(sorted({step for pair in pairs for step in pair}, key=_in_order(profile, metric).index))
    effects, known = np.full((len(steps), len(steps)), np.nan), np.zeros((len(steps), len(steps)), bool)
    for (one, other), effect, is_effect in zip(pairs, rows["effect"], rows["is_effect"], strict=True):
        for place in ((steps.index(one), steps.index(other)), (steps.index(other), steps.index(one))):
            effects[place], known[place] = effect, is_effect
    return FactorPairs(metric, str(rows["unit_of"].iloc[0]), steps, effects, known)


def _in_order(profile: Profile, metric: str) -> list[str]:
    return list(profile.rows("M_factor", metric)["block"].unique())


def draw_factors(data: FactorEffects, ax: Axes, *, title: str = "") -> None:
    """Draw a bar for every step and unit, the network's first; what is below noise or floor is hollow and grey."""
    import matplotlib as mpl

    colours = mpl.colormaps[SEQUENTIAL](np.linspace(0.1, 0.9, max(1, len(data.units) - 1)))
    width = 0.8 / len(data.units)
    ax.axhline(0.0, color="0.7", lw=0.8, zorder=0)
    for column, unit in enumerate(data.units):
        colour = NETWORK_COLOUR if unit == 0 else colours[column - 1]
        x = np.arange(len(data.steps)) + (column - (len(data.units) - 1) / 2) * width
        effects, known = data.effects[:, column], data.is_effect[:, column]
        bars = ax.bar(
            x, np.nan_to_num(effects), width * 0.92, linewidth=0.8, label="network" if unit == 0 else f"unit {unit}",
            color=colour, edgecolor=colour, zorder=1,
        )  # fmt: skip
        for bar, is_known in zip(bars, known, strict=True):
            if not is_known:
                bar.set(facecolor="white", edgecolor=FAINT)
        there = np.isfinite(effects) & np.isfinite(data.low[:, column]) & np.isfinite(data.high[:, column])
        ends = np.abs([effects - data.low[:, column], data.high[:, column] - effects])
        ax.errorbar(
            x[there],
            effects[there],
            yerr=ends[:, there],
            fmt="none",
            ecolor="0.35",
            elinewidth=0.9,
            capsize=1.5,
            zorder=2,
        )
    labels = ["\n".join(step_words(step).split(" ", 1)) for step in data.steps]
    ax.set_xticks(range(len(labels)), labels, fontsize=8)
    ax.tick_params(axis="x", length=0)
    ax.tick_params(axis="y", labelsize=8)
    ax.margins(x=0.02)
    ax.set_title(title or f"{metric_label(data.metric, data.unit)}: effect of a step", fontsize=10)


def draw_pairs(data: FactorPairs, ax: Axes, *, title: str = "") -> None:
    """Draw the map of interactions; what is below noise or floor is without colour and in parentheses."""
    limit = float(np.nanmax(np.abs(data.effects), initial=0.0)) or 1.0
    words = np.full(data.effects.shape, "", dtype=object)
    for place in zip(*np.nonzero(np.isfinite(data.effects)), strict=True):
        told = f"{data.effects[place]:+.2g}"
        words[place] = told if data.is_effect[place] else f"({told})"
    shown = np.where(data.is_effect | np.isnan(data.effects), data.effects, 0.0)
    labels = [step_words(step) for step in data.steps]
    draw_cells(shown, words, ax, limit=limit, rows=labels, columns=labels)
    ax.set_xticks(ax.get_xticks(), labels, rotation=30, ha="right", rotation_mode="anchor")
    ax.set_title(title or f"{metric_label(data.metric, data.unit)}: interactions", fontsize=10)


def draw_factor_panels(
    parts: Sequence[FactorEffects], pairs: FactorPairs | None, *, title: str, caption: list[str]
) -> Figure:
    """Draw one metric: the steps of blocks, the steps of widths and depths on a scale of their own, and the map."""
    import matplotlib.pyplot as plt

    inches = [1.4 + 0.14 * part.effects.size for part in parts]
    if pairs is not None:
        inches.append(2.0 + 0.5 * len(pairs.steps))
    figure, axes = plt.subplots(
        1,
        len(inches),
        squeeze=False,
        width_ratios=inches,
        figsize=(max(7.0, sum(inches) + 1.0), 3.6 + 0.18 * len(caption)),
    )
    for ax, part in zip(axes[0], parts, strict=False):
        draw_factors(part, ax)
    if pairs is not None:
        draw_pairs(pairs, axes[0, -1])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=7.5, frameon=False)
    figure.suptitle(title)
    add_caption(figure, caption)
    return figure
