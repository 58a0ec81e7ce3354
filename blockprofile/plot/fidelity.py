"""Predictions against labels: a picture of where a predictor is right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_POINTS = 20_000


def fidelity_limits(labels: NDArray[np.float64], predictions: NDArray[np.float64]) -> tuple[float, float]:
    """Return limits that hold all labels and predictions, with a margin of 2 %.

    Examples
    --------
    >>> fidelity_limits(np.array([0.0, 1.0]), np.array([0.5, 2.0]))
    (-0.04, 2.04)
    """
    low, high = (float(f([f(labels), f(predictions)])) for f in (np.min, np.max))
    margin = 0.02 * (high - low) or 1.0
    return low - margin, high + margin


def draw_fidelity(
    labels: NDArray[np.float64], predictions: NDArray[np.float64], axes: Sequence[Axes], *, metric: str
) -> None:
    """Draw predictions against labels, and errors against labels.

    Parameters
    ----------
    labels, predictions
        Shape (n,); of more than 20,000 rows every k-th is drawn.
    """
    step = max(1, len(labels) // MAX_POINTS)
    x, y = labels[::step], predictions[::step]
    limits = fidelity_limits(labels, predictions)
    axes[0].plot(limits, limits, color="0.6", linewidth=0.8)
    axes[0].plot(x, y, ".", markersize=1.5, alpha=0.4, rasterized=True)
    axes[0].set(xlim=limits, ylim=limits, xlabel=f"label: {metric}", ylabel=f"prediction: {metric}", aspect="equal")
    axes[1].axhline(0, color="0.6", linewidth=0.8)
    axes[1].plot(x, y - x, ".", markersize=1.5, alpha=0.4, rasterized=True)
    axes[1].set(xlim=limits, xlabel=f"label: {metric}", ylabel="prediction - label")
