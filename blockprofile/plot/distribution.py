"""The distribution of each metric over a run's archs, with the named networks of the space marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from blockprofile.errors import RunError, UnknownNameError
from blockprofile.metric import ACCURACY, LATENCY, parse_metric
from blockprofile.plot.style import draw_panels, metric_label
from blockprofile.predict import Evaluator, published_latencies, published_network
from blockprofile.run import RunFolder, read_values, shard_paths
from blockprofile.space import Space, named_archs, read_arch

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

N_BINS = 80
TAUS = (0.05, 0.5, 0.95)
BARS = "#56B4E9"
MARKS = ("#AA4499", "#009E73", "#B58900", "#332288", "#6B7280")
"""Told apart with every common colour blindness; not the colours of searches, which are blue and orange."""
CHARACTER, MARGIN = 0.018, 0.1
"""Of a panel's width: what a label's character takes, and what is free beside the histogram."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A named network: what the predictor gives for it, what is printed (None where nothing is), its place.

    ``below`` is the share of the archs with a smaller value than the predicted one.
    """

    name: str
    predicted: float
    printed: float | None
    below: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """The shares of a run's archs in bins of equal width.

    ``edges``: float64, (n_bins + 1,); ``shares``: float64, (n_bins,), adding up to 1; ``quantiles``: tau -> value.
    """

    metric: str
    unit: str
    n: int
    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    quantiles: Mapping[float, float]
    marks: tuple[Mark, ...] = ()


def printed_figure(network: str, metric: str, *, resolution: int | None = None) -> float | None:
    """Return what is printed about a network, None where nothing is, or it is of another resolution than the one given.

    Examples
    --------
    >>> printed_figure("MoGA-A", "latency_ms:mace_gpu"), printed_figure("MoGA-A", "latency_ms:note10")
    (11.1, None)
    >>> printed_figure("MoGA-A", "macs_m"), printed_figure("MoGA-A", "macs_m", resolution=160)
    (304.0, None)
    """
    about = parse_metric(metric)
    try:
        known = published_network(network)
        if about.column != "params_m" and resolution not in {None, known.resolution}:
            return None
        if about.column == LATENCY:
            return published_latencies(about.device).get(network)
    except UnknownNameError:
        return None
    printed = {ACCURACY: known.top1_percent, "macs_m": known.macs_m, "params_m": known.params_m}
    return printed.get(metric)


def distribution_data(
    values: NDArray[np.float32],
    *,
    metric: str,
    unit: str,
    predicted: Mapping[str, float] | None = None,
    resolution: int | None = None,
) -> Histogram:
    """Bin a metric's values and place networks among them.

    Parameters
    ----------
    values
        float32, shape (n,); at least one.
    predicted
        Named network -> the metric's value for it.
    resolution
        That of the archs, in pixels: what is printed for another one is left out. None where each has its own.

    Returns
    -------
    Quantiles are the smallest value at which the distribution function reaches tau (``inverted_cdf``).
    """
    wide = values.astype(np.float64)
    low, high = float(wide.min()), float(wide.max())
    counts, edges = np.histogram(wide, bins=N_BINS, range=(low, high) if high > low else (low - 0.5, low + 0.5))
    found = np.quantile(wide, TAUS, method="inverted_cdf")
    marks = tuple(
        Mark(name, value, printed_figure(name, metric, resolution=resolution), float((wide < value).mean()))
        for name, value in (predicted or {}).items()
    )
    quantiles = dict(zip(TAUS, found.tolist(), strict=True))
    return Histogram(metric, unit, len(wide), edges, counts / len(wide), quantiles, marks)


def mark_networks(space: Space, evaluate: Evaluator, names: Sequence[str] | None = None) -> dict[str, dict[str, float]]:
    """Evaluate the named networks of a space, or chosen archs.

    Parameters
    ----------
    names
        Networks of the space, or archs in any of their forms, which are their own names; None is all networks.

    Returns
    -------
    Metric -> network -> value.

    Raises
    ------
    ArchError
        If an arch cannot be read.
    """
    archs = named_archs(space) if names is None else {name: read_arch(space.base, name) for name in names}
    if not archs:
        return {}
    values = evaluate(np.stack(list(archs.values())))
    return {metric: dict(zip(archs, row.tolist(), strict=True)) for metric, row in values.items()}


def read_metrics(folder: Path, metrics: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Read metrics' values of a run's archs, in order.

    Raises
    ------
    RunError
        If the run kept no archs.
    DataError
        If a shard is damaged or of another run.
    """
    paths = shard_paths(folder)
    if not paths:
        raise RunError(f"{str(folder)!r} holds no samples; distributions need a run of `blockprofile sample`")
    run = RunFolder.read(folder).digest
    parts = [read_values(path, tuple(metrics), run=run) for path in paths]
    return {name: np.concatenate([part[name] for part in parts]) for name in metrics}


def arrange_marks(data: Histogram) -> list[tuple[Mark, str, int, str]]:
    """Give every mark a colour, a height (0 for the lowest) and the side of its label, so that no label is crossed.

    All labels of a panel are on one side of their lines; the further a line is on that side, the lower it ends. Where
    they would run out of the panel, those behind the widest gap are lower and on the left, the others on the right.
    """
    low, wide = data.edges[0], max(float(data.edges[-1] - data.edges[0]), 1e-12)
    places = [float(mark.predicted - low) / wide for mark in data.marks]
    order = sorted(range(len(places)), key=lambda i: places[i])
    longest = max((CHARACTER * len(_mark_words(mark)) for mark in data.marks), default=0.0)
    to_left = bool(np.mean(places) > 0.5) if places else False
    lefts = len(order) if to_left else 0
    if places and (longest > (min(places) if to_left else 1 - max(places)) + MARGIN):
        gaps = [places[after] - places[before] for before, after in pairwise(order)]
        if gaps and max(gaps) > longest:
            lefts = len(gaps) - int(np.argmax(gaps))
    split = len(order) - lefts
    upwards = [(i, "left") for i in order[split:]] + [(i, "right") for i in reversed(order[:split])]
    return [(data.marks[i], MARKS[i % len(MARKS)], place, side) for place, (i, side) in enumerate(upwards)]


def _mark_words(mark: Mark) -> str:
    return f"{mark.name} ({_share_words(mark.below)} below)"


def _share_words(share: float) -> str:
    """Write a share in per cent, with decimals where it is near none or all.

    Examples
    --------
    >>> _share_words(0.456), _share_words(0.9981), _share_words(1.0)
    ('46%', '99.8%', '100%')
    """
    return f"{share:.1%}" if 0 < share < 0.01 or 0.99 < share < 1 else f"{share:.0%}"


def draw_distribution(data: Histogram, ax: Axes) -> None:
    """Draw one panel: the histogram, its quantiles, a line for each network and a triangle where it is printed."""
    import seaborn as sns

    middles, edges = (data.edges[:-1] + data.edges[1:]) / 2, data.edges.tolist()
    sns.histplot(x=middles, bins=edges, weights=100 * data.shares, element="step", lw=0, alpha=0.55, color=BARS, ax=ax)
    top = 100 * float(data.shares.max())
    ax.set_ylim(0, top * (1.12 + 0.1 * len(data.marks)))
    for tau, value in data.quantiles.items():
        ax.vlines(value, 0, top * 1.02, color="0.35", lw=0.9, ls="-" if tau == 0.5 else ":")
        ax.text(value, top * 1.03, f"{tau:.0%}", fontsize=6.5, ha="center", va="bottom", color="0.35")
    for mark, colour, place, side in arrange_marks(data):
        height = top * (1.14 + 0.1 * place)
        ax.vlines(mark.predicted, 0, height, color=colour, lw=1.4)
        ax.annotate(
            _mark_words(mark), (mark.predicted, height), textcoords="offset points", fontsize=7.5,
            xytext=(-3 if side == "left" else 3, 0), ha="right" if side == "left" else "left", va="center",
            color=colour,
        )  # fmt: skip
        if mark.printed is not None:
            ax.plot(mark.printed, top * 0.03, marker="^", ms=6, color=colour, mec="white", mew=0.6, clip_on=False)
    ax.set_xlabel(metric_label(data.metric, data.unit))
    ax.set_ylabel("share of archs [%]", fontsize=8)
    ax.tick_params(labelsize=8)


def draw_distributions(panels: Sequence[Histogram], *, title: str, caption: list[str]) -> Figure:
    """Draw the distributions of several metrics."""
    return draw_panels(draw_distribution, panels, (4.4, 2.7), least=5.2, title=title, caption=caption)
