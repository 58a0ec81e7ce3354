"""Soft and hard latency constraint: evaluated archs, and how their latencies are spread (MnasNet, Figure 6)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.plot import COLOURS, add_caption, figure_style, metric_label, save_figure
from blockprofile.predict import caption_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from blockprofile.papers.rewards import RewardComparison

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RewardCloud:
    """All evaluations of one form of the reward, over all seeds: accuracy and latency, shape (n,)."""

    form: str
    accuracy: Floats
    latency: Floats


def rewards_data(comparison: RewardComparison) -> tuple[RewardCloud, ...]:
    """Join the evaluations of all seeds, form by form."""
    found = []
    for form in comparison.runs:
        values = comparison.values(form)
        accuracy, latency = (np.concatenate([pair[side] for pair in values]) for side in (0, 1))
        found.append(RewardCloud(form, accuracy, latency))
    return tuple(found)


def draw_rewards(data: tuple[RewardCloud, ...], axes: tuple[Axes, Axes], *, target: float, label: str) -> None:
    """Draw the clouds, and histograms of their latencies."""
    every = np.concatenate([cloud.latency for cloud in data])
    bins = list(np.linspace(every.min(), every.max(), 40))
    for colour, cloud in zip(COLOURS, data, strict=False):
        name = f"{cloud.form} constraint"
        axes[0].scatter(cloud.latency, cloud.accuracy, s=5, alpha=0.4, lw=0, color=colour, label=name)
        axes[1].hist(cloud.latency, bins=bins, histtype="step", lw=1.5, color=colour, label=name)
    for ax in axes:
        ax.axvline(target, color="0.4", ls="--", lw=1)
        ax.set_xlabel(label)
        ax.legend(frameon=False)
    axes[0].set_ylabel("top-1 accuracy [%]")
    axes[1].set_ylabel("evaluated archs")


def save_rewards(comparison: RewardComparison, path: Path) -> list[Path]:
    """Draw both and write PNG and SVG."""
    import matplotlib.pyplot as plt

    problem = next(iter(comparison.runs.values()))[0].problem
    told = [f"{predictor.metric}: {caption_of(predictor, problem.space)}" for predictor in problem.predictors]
    with figure_style():
        figure, axes = plt.subplots(1, 2, figsize=(9.0, 4.0))
        draw_rewards(
            rewards_data(comparison),
            (axes[0], axes[1]),
            target=comparison.target,
            label=metric_label(comparison.latency, "ms"),
        )
        n_seeds = len(next(iter(comparison.runs.values())))
        add_caption(figure, [f"Dashed: the target. {n_seeds} seeds each.", f"Provenance: {'; '.join(told)}."])
        return save_figure(figure, path)
