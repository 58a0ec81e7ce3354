"""One rule for the scale of labels and tables: what cannot be in the unit that a metric's name says is pointed out.

A latency is judged by the multiply-adds that it would mean: no device computes mobile networks of batch 1 at 2e12 a
second, and none worth a table slower than 5e7, so a factor of a thousand shows. Others are judged by their range. What
runs against the multiply-adds of its archs is the other way round: speeds for times, errors for accuracies.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.predict.rank import kendall
from blockprofile.space import Archs, CompiledSum, Space, factorize

FASTEST_MACS_PER_MS = 2e9
"""No device runs mobile networks of batch 1 at 2e12 multiply-adds a second: a thousandfold rate is a wrong unit."""
SLOWEST_MACS_PER_MS = 5e4
"""Slower than 5e7 multiply-adds a second, below a microcontroller."""


OPPOSED = -0.5
"""Kendall's tau with multiply-adds from which on times and accuracies are taken to be something else."""
FEWEST, MOST = 20, 2_000
"""Archs by which that is told."""


def mean_macs(space: Space, archs: Archs) -> float:
    """Return the mean multiply-adds of archs at the space's own resolution."""
    return float(_macs(space, archs).mean())


def _macs(space: Space, archs: Archs) -> NDArray[np.float64]:
    return np.asarray(CompiledSum(space, [factorize(space, lambda op: op.macs)])(archs)[0], np.float64)


def doubt_labels(metric: str, labels: NDArray[np.float64], space: Space, archs: Archs) -> str:
    """Say what looks wrong with the scale of labels of archs, or with their order; empty where nothing does."""
    macs = _macs(space, archs)
    return doubt_scale(metric, labels, macs=float(macs.mean())) or _doubt_order(metric, labels, macs)


def _doubt_order(metric: str, labels: NDArray[np.float64], macs: NDArray[np.float64]) -> str:
    kinds = {LATENCY: "images a second, not times", ACCURACY: "errors, not accuracies"}
    kind = kinds.get(parse_metric(metric).column)
    if kind is None or len(labels) < FEWEST:
        return ""
    tau = kendall(macs[:MOST], labels[:MOST])
    return f"{metric} falls where multiply-adds rise (tau {tau:.2f}): these look like {kind}" if tau <= OPPOSED else ""


def doubt_scale(metric: str, values: NDArray[np.float64], *, macs: float) -> str:
    """Say what looks wrong with a metric's scale; empty where nothing does.

    Parameters
    ----------
    macs
        The mean multiply-adds of what the values are of.

    Examples
    --------
    >>> doubt_scale("top1_percent", np.array([0.71, 0.76]), macs=2e8)
    'top1_percent lies between 0.71 and 0.76: these look like fractions of 1; a metric in percent is expected as 71.0'
    >>> doubt_scale("latency_ms:phone", np.array([7600.0, 12800.0]), macs=2.1e8).partition(": ")[2]
    '2.1e+07 multiply-adds a second, these look like microseconds; a latency is expected in ms, such as 7.6'
    """
    about, low, high = parse_metric(metric), float(values.min()), float(values.max())
    doubt = ""
    if about.column == LATENCY:
        doubt = _doubt_latency(values, macs)
    elif about.unit == "%" and low >= 0 and high <= 1:
        doubt = f"these look like fractions of 1; a metric in percent is expected as {100 * low:.1f}"
    elif about.unit == "%" and (low < 0 or high > 100):
        doubt = "a metric in percent is expected between 0 and 100"
    elif about.unit == "M" and low > 1e5:
        doubt = "these look like plain counts; the metric is expected in millions"
    return f"{metric} lies between {low:.4g} and {high:.4g}: {doubt}" if doubt else ""


def _doubt_latency(values: NDArray[np.float64], macs: float) -> str:
    with np.errstate(over="ignore"):  # a mean beyond float64 is infinite, and its rate 0
        low, rate = float(values.min()), macs / max(float(values.mean()), 1e-12)
    if low < 0:
        return "a latency is expected above 0"
    looks = "seconds" if rate > FASTEST_MACS_PER_MS else "microseconds" if rate < SLOWEST_MACS_PER_MS else ""
    if not looks:
        return ""
    right = low * 1000 if looks == "seconds" else low / 1000
    return (
        f"{rate * 1000:.2g} multiply-adds a second, these look like {looks}; a latency is expected in ms, such as "
        f"{right:.4g}"
    )
