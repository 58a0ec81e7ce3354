"""What the presence does to responses: the same additive metric under two rules, side by side and exact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from blockprofile.additive import Presence
from blockprofile.errors import OptionError
from blockprofile.plot.block_grid import BlockGrid, block_grid_data, draw_block_grid
from blockprofile.plot.layer_map import LayerMap, draw_layer_map, largest_effect, layer_map_data
from blockprofile.plot.style import add_caption, metric_label, metric_title
from blockprofile.predict import AdditivePredictor, build_predictor, caption_of, find_metric
from blockprofile.profile import Profile, exact_table
from blockprofile.space import Space, load_space

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EXPLANATIONS = {
    "given": "drawn from the archs that have the layer",
    "promoted": "the unit's depth raised to the layer",
    "cikm21": "the unit's depth raised to one less: the block is missing in part of the draws",
    "figure4": "the unit's added layers raised to one less than the layer",
}


@dataclass(frozen=True, slots=True)
class PresenceView:
    """Responses of one metric under one rule: the grids of M_b and the map of M_(u,l,b)."""

    presence: Presence
    space: str
    caption: str
    grids: tuple[BlockGrid, ...]
    layers: LayerMap

    @property
    def contrast(self) -> float:
        """The dearest block's M_b less the cheapest's."""
        values = np.concatenate([grid.values.ravel() for grid in self.grids])
        return float(np.nanmax(values) - np.nanmin(values))


def presence_data(
    space: str | Space = "ofa_mbv3",
    metric: str = "latency_ms:note10",
    *,
    presences: Sequence[Presence] = ("given", "cikm21"),
) -> tuple[PresenceView, ...]:
    """Compute the exact responses of a metric under several rules.

    Parameters
    ----------
    space
        A space, or what `blockprofile.space.load_space` takes.
    metric
        An additive metric.

    Raises
    ------
    OptionError
        If the metric is not additive, or a presence unknown.
    UnknownNameError, CoverageError
        If nothing predicts the metric on the space.

    Examples
    --------
    The published code's rule takes a quarter of the contrast away:

    >>> given, published = presence_data()
    >>> round(given.contrast, 1), round(published.contrast, 1)
    (3.1, 2.3)
    """
    loaded = load_space(space) if isinstance(space, str) else space
    predictor = build_predictor(find_metric(metric, loaded), loaded)
    if not isinstance(predictor, AdditivePredictor):
        raise OptionError(f"metric {metric!r} is not additive on {loaded.name!r}; only sums have exact responses")
    views = []
    for presence in presences:
        profile = Profile(exact_table(loaded, [predictor], presence=presence, taus=()))
        grids, layers = block_grid_data(profile, loaded, metric), layer_map_data(profile, metric)
        views.append(PresenceView(presence, loaded.name, caption_of(predictor, loaded), grids, layers))
    return tuple(views)


def draw_presences(views: Sequence[PresenceView]) -> Figure:
    """Draw the views as columns: M_b above, M_(u,l,b) below, each on one scale."""
    import matplotlib.pyplot as plt

    first = views[0]
    n_grids = len(first.grids)
    heights = [0.55 * len(grid.rows) + 0.3 for grid in first.grids] + [0.26 * len(first.layers.blocks) + 0.5]
    size = (max(5.2, 1.6 + 0.32 * len(first.layers.layers)) * len(views), sum(heights) + 2.0)
    figure, axes = plt.subplots(n_grids + 1, len(views), figsize=size, height_ratios=heights, squeeze=False)
    grid_limit = max(float(np.nanmax(np.abs(grid.effects))) for view in views for grid in view.grids)
    map_limit = largest_effect(view.layers for view in views)
    label = metric_label(first.layers.metric, first.layers.unit)
    for column, view in enumerate(views):
        for row, grid in enumerate(view.grids):
            draw_block_grid(grid, axes[row, column], limit=grid_limit)
            panel = f" {grid.title}" if grid.title else ""
            axes[row, column].set_title(f"presence '{view.presence}': $M_b${panel}, {label}")
        draw_layer_map(view.layers, axes[-1, column], limit=map_limit, title=f"$M_{{u,l,b}}$, {label}")
    figure.suptitle(f"{metric_title(first.layers.metric).capitalize()}, {first.space}: what the presence does")
    told = "; ".join(f"'{view.presence}': {EXPLANATIONS[view.presence]}" for view in views)
    add_caption(figure, [f"Exact over the whole space. {told}. Provenance: {first.caption}."])
    return figure
