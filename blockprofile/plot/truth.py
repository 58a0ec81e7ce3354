"""Pictures of what a truth says: how labels estimate, what prunings keep, what searches lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.plot.style import add_caption, figure_style, metric_title, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]

COLOURS = {
    "pairs": "#1b6ca8", "main effects": "#d1495b", "random": "0.6", "the truth": "#2e7d32", "sharp": "#1b6ca8",
    "plain": "#d1495b",
}  # fmt: skip


def points_of(rows: Sequence[Row], x: str, y: str, **where: object) -> tuple[list[float], list[float], list[float]]:
    """Collect x, y and the standard error of y of the rows that fit; empty where none does."""
    chosen = [row for row in rows if all(row[key] == value for key, value in where.items())]
    return ([float(row[name]) for row in chosen] for name in (x, y, f"{y}_se"))  # type: ignore[return-value]


def _line(ax: Axes, points: Any, label: str, colour: str, marker: str = "o") -> None:
    x, y, errors = points
    ax.errorbar(x, y, yerr=1.96 * np.array(errors), label=label, color=colour, marker=marker, ms=4, lw=1.3, capsize=2)


def draw_estimates(results: Row, axes: Sequence[Axes]) -> None:
    """Draw the error of block effects at their places, and how often intervals hold, by the number of labels."""
    first, second = axes
    for how in ("plain", "sharp"):
        words = {"plain": "labels averaged", "sharp": "by way of main effects"}[how]
        where = {"how": how, "statistic": "M_ulb"}
        _line(first, points_of(results["estimates"], "n", "rmse", **where), words, COLOURS[how])
        _line(second, points_of(results["estimates"], "n", "covered", **where), words, COLOURS[how])
    first.set(xscale="log", yscale="log", xlabel="networks trained once", ylabel="error of an effect [points]")
    second.set(xscale="log", xlabel="networks trained once", ylabel="95 % intervals that hold", ylim=(0.7, 1.01))
    second.axhline(0.95, color="0.4", lw=0.8, ls=":")
    first.legend(frameon=False)


def draw_kept(results: Row, cost: str, ax: Axes) -> None:
    """Draw, for each way to prune, the share of repetitions that lose no more than the noise, against what is left.

    A point is the larger the more labels it is from: numbers beside points this near would hide each other.
    """
    ours = results["default"]
    for how, name in ((ours, "pairs"), ("main effects", "main effects"), ("random", "random"), ("the truth",) * 2):
        rows = [row for row in results["prunings"] if row["cost"] == cost and row["how"] == how]
        x, y = [100 * row["left"] for row in rows], [100 * row["kept"] for row in rows]
        label = {"random": "random, of the size of pairs", "pairs": "pairs (--order 2)"}.get(name, name)
        sizes = [14.0 + 22.0 * place for place in range(len(rows))]
        ax.plot(x, y, lw=1, color=COLOURS[name])
        ax.scatter(x, y, s=sizes, color=COLOURS[name], label=label, zorder=3)
    ax.axhline(95, color="0.4", lw=0.8, ls=":")
    ax.set(
        xscale="log",
        xlabel="archs left [%]",
        ylabel="repetitions that lose less\nthan the noise [%]",
        ylim=(-3, 108),
        yticks=range(0, 101, 20),
    )
    ax.set_title(f"limits of {metric_title(cost)}")


def draw_survival(results: Row, cost: str, n: int, ax: Axes) -> None:
    """Draw how often the best arch within each limit survives."""
    ours = results["default"]
    limits = results["limits"][cost]
    for how, name in ((ours, "pairs"), ("main effects", "main effects"), ("random", "random")):
        rows = [row for row in results["prunings"] if (row["cost"], row["how"], row["n"]) == (cost, how, n)]
        for row in rows:
            ax.plot(limits, 100 * np.array(row["by_limit"]), color=COLOURS[name], label=name, lw=1.4)
    ax.set(xlabel=f"limit of {metric_title(cost)} [M]", ylabel="best arch survives [%]", ylim=(-3, 103))
    ax.set_title(f"{n:,} labels")


def truth_figures(folder: Path, results: Row) -> list[Path]:
    """Draw the figures of a judgement; return their paths without suffix."""
    import matplotlib.pyplot as plt

    said = (
        f"{results['space']}: all {results['archs']:,} archs, trained {results['runs']} times each; labels are single "
        f"trainings, judged by the others; noise {results['spread']:.3g} points."
    )
    paths = []
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(7.2, 3.0))
        draw_estimates(results, axes)
        add_caption(figure, [f"Means of {results['repetitions']} repetitions with 95 % intervals. {said}"])
        paths.append(folder / "truth_macro_estimates")
        save_figure(figure, paths[-1])
        costs = list(results["costs"])
        figure, axes = plt.subplots(1, len(costs), figsize=(3.6 * len(costs), 3.4), squeeze=False)
        for ax, cost in zip(axes[0], costs, strict=True):
            draw_kept(results, cost, ax)
        axes[0, 0].legend(frameon=False, fontsize=7, loc="center left", scatterpoints=1, markerscale=0.8)
        half = results["repetitions"] - results["repetitions"] // 2
        told = ", ".join(f"{n:,}" for n in results["n"])
        sizes = f"The larger the point, the more labels: {told}. Up and left is better."
        add_caption(figure, [f"{half} repetitions that chose nothing. {sizes} {said}"])
        paths.append(folder / "truth_macro_kept")
        save_figure(figure, paths[-1])
        shown = list(results["n"])
        figure, axes = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.8), squeeze=False, sharey=True)
        for ax, n in zip(axes[0], shown, strict=True):
            draw_survival(results, costs[0], n, ax)
        axes[0, 0].legend(frameon=False, fontsize=7)
        add_caption(figure, [f"The most accurate arch within each limit, by trainings that were not seen. {said}"])
        paths.append(folder / "truth_macro_survival")
        save_figure(figure, paths[-1])
    return paths
