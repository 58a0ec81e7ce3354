"""One figure each of a space, a profile, a search and a comparison: what they show of themselves in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from blockprofile.compare import Comparison
from blockprofile.errors import OptionError, check_choice
from blockprofile.plot.comparison import comparison_caption
from blockprofile.plot.convergence import convergence_data, draw_convergence
from blockprofile.plot.fronts import COLOURS, draw_fronts, fronts_data
from blockprofile.plot.heatmap import KINDS, profile_figures
from blockprofile.plot.style import add_caption, figure_style, label_cells, metric_label, metric_title, show_dollars
from blockprofile.predict import caption_of
from blockprofile.profile import Profile
from blockprofile.search import SearchResult
from blockprofile.space import Space

if TYPE_CHECKING:
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure


def _finish(figure: Figure) -> Figure:
    """Take a figure out of pyplot's hands, so that a notebook does not show it a second time."""
    import matplotlib.pyplot as plt

    show_dollars(figure)
    plt.close(figure)
    return figure


def show_profile(profile: Profile, *, metric: str | None = None, kind: str = "layers") -> Figure:
    """Draw one kind of figure of a profile: of a metric, of its first one if left out, or of all in a figure of blocks.

    Raises
    ------
    OptionError
        If there is no such kind, or nothing of it in the profile.
    UnknownNameError
        If the profile has no such metric.
    """
    check_choice("kind", kind, KINDS)
    with figure_style():
        for figure in profile_figures(profile, kind, metric):
            return _finish(figure)
    raise OptionError(f"the profile has nothing of kind {kind!r} for {metric or 'its metrics'}")


def show_space(space: Space) -> Figure:
    """Draw which block may stand where: what a pruning left out is grey, what its base has not is empty."""
    import matplotlib.pyplot as plt

    slots, base = space.layer_slots, space.base
    cells = np.full((space.n_blocks, len(slots)), np.nan)
    for place, slot in enumerate(slots):
        cells[list(base.allowed[slot.index]), place] = 0.0
        if slot.layer <= space.max_depth(slot.unit):
            cells[list(space.allowed[slot.index]), place] = 1.0
    with figure_style():
        figure, ax = plt.subplots(figsize=(max(4.0, 1.6 + 0.42 * len(slots)), 1.1 + 0.24 * space.n_blocks))
        mesh = np.ma.masked_invalid(cells)
        ax.pcolormesh(
            mesh, cmap=_two_colours(COLOURS[int(space.is_pruned)]), vmin=0, vmax=1, edgecolors="white", linewidth=1.5
        )
        ax.invert_yaxis()
        label_cells(ax, rows=space.block_names, columns=[slot.name for slot in slots])
        pruned = f", pruned from {base.name}" if space.is_pruned else ""
        ax.set_title(f"{space.name}{pruned}: which block may stand where")
        return _finish(figure)


def _two_colours(colour: str) -> Colormap:
    from matplotlib.colors import ListedColormap

    return ListedColormap(["0.9", colour])


def show_search(result: SearchResult) -> Figure:
    """Draw all evaluations and the front in the plane of the first two goals; of one goal, the best so far."""
    import matplotlib.pyplot as plt

    problem = result.problem
    colour = COLOURS[int(problem.space.is_pruned)]
    labels = [metric_label(name, unit) for name, unit in zip(problem.names, problem.units, strict=True)]
    points = problem.natural(result.archive.points)
    with figure_style():
        figure, ax = plt.subplots(figsize=(6.4, 4.2))
        if len(labels) == 1:
            is_feasible = result.archive.violations[:, None] <= 0
            lowest = np.minimum.accumulate(np.where(is_feasible, result.archive.points, np.inf), axis=0)
            best = problem.natural(np.where(np.isfinite(lowest), lowest, np.nan))
            ax.plot(np.arange(1, len(points) + 1), points[:, 0], ".", color="0.75", ms=3, label="evaluated")
            ax.plot(np.arange(1, len(points) + 1), best[:, 0], color=colour, label="the best so far")
            ax.set(xlabel="evaluations", ylabel=labels[0])
        else:
            front = problem.natural(result.front.points)
            ax.plot(points[:, 1], points[:, 0], ".", color="0.75", ms=3, label="evaluated")
            ax.plot(front[:, 1], front[:, 0], "o", color=colour, ms=3.5, label=f"front, {len(front)} archs")
            ax.set(xlabel=labels[1], ylabel=labels[0])
        ax.legend(frameon=False)
        ax.set_title(f"{problem.space.name}, {result.algorithm}: {len(points):,} evaluations")
        told = [f"{metric_title(each.metric)}: {caption_of(each, problem.space)}" for each in problem.predictors]
        add_caption(figure, [f"Provenance: {'; '.join(told)}."])
        return _finish(figure)


def show_comparison(comparison: Comparison) -> Figure:
    """Draw the fronts of all cases, the median and the band of all seeds; without fronts, how they converge."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, ax = plt.subplots(figsize=(6.4, 4.6))
        fronts = fronts_data(comparison)
        if fronts is None:
            draw_convergence(convergence_data(comparison), ax, unit=comparison.problem.hypervolume_unit)
        else:
            draw_fronts(fronts, ax)
        ax.set_title(f"Searching {comparison.cases[0].space.name}")
        add_caption(figure, comparison_caption(comparison))
        return _finish(figure)
