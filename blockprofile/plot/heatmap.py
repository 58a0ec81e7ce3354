"""`heatmap`: all response figures of a profile, written as PNG and SVG into the run's folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import UnknownNameError, one_of
from blockprofile.plot.block_grid import block_grid_data, draw_block_grids
from blockprofile.plot.layer_map import draw_layer_maps, layer_map_data
from blockprofile.plot.style import figure_style, metric_title, save_figure
from blockprofile.profile.profile import load_run_space, read_profile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "heatmap", "provenance_lines"]

FIGURES = "figures"
QUANTILES_SHOWN = (0.05, 0.95)


def provenance_lines(about: Mapping[str, Any], metrics: Sequence[str], n: int) -> list[str]:
    """Say where the figures come from: space, archs, presence, and each metric's provenance and error."""
    config = about["config"]
    space = config["space"]
    told = "; ".join(f"{metric_title(name)}: {config['predictors'][name]['caption']}" for name in metrics)
    limit = f", {config['limit']}" if config.get("limit") else ""
    return [
        f"Space {space['name']} at {space['resolution']} pixels, {n:,} archs drawn by the law '{config['law']}'{limit}"
        f", seed {config['seed']}; presence '{about['presence']}'; ± are 95 % intervals; what is below noise or the "
        "predictor's own error is faint or in parentheses.",
        f"Provenance: {told}.",
    ]


def _slug(metric: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", metric)


def select_metrics(table: pd.DataFrame, metrics: Sequence[str] | None) -> list[str]:
    """Return the wanted metrics of a table, or all of them.

    Raises
    ------
    UnknownNameError
        If the profile has no such metric.
    """
    known = list(dict.fromkeys(table["metric"]))
    for metric in metrics or ():
        if metric not in known:
            raise UnknownNameError(f"the profile has no metric {metric!r}; {one_of(metric, known)}")
    return list(metrics) if metrics else known


def heatmap(run: str | Path, *, metrics: Sequence[str] | None = None, out: str | Path | None = None) -> list[Path]:
    """Draw block grids, layer maps and quantile maps of a profile.

    Parameters
    ----------
    run
        A folder with ``profile.parquet``.
    metrics
        Which metrics; None is all.
    out
        The folder for the figures; None is ``figures`` inside the profile's.

    Returns
    -------
    The files: PNG and SVG of each figure.

    Raises
    ------
    UserError, DataError
        If there is no profile, or no such metric.
    """
    table, about = read_profile(run)
    space = load_run_space(about["config"])
    names = select_metrics(table, metrics)
    home = Path(run) if Path(run).is_dir() else Path(run).parent
    target = home / FIGURES if out is None else Path(out)
    n = int(table.loc[table["statistic"] == "mean", "n"].iloc[0])
    title = f"{space.definition.title if not space.is_pruned else space.name}"
    files: list[Path] = []
    with figure_style():
        grids = {name: block_grid_data(table, space, name) for name in names}
        caption = provenance_lines(about, names, n)
        figure = draw_block_grids(grids, title=f"Block responses $M_b$: {title}", caption=caption)
        files += save_figure(figure, target / "block_responses")
        for name in names:
            caption = provenance_lines(about, [name], n)
            figure = draw_layer_maps(
                [layer_map_data(table, name)], title=f"Layer responses $M_{{u,l,b}}$: {title}", caption=caption
            )
            files += save_figure(figure, target / f"layer_responses-{_slug(name)}")
            taus = [tau for tau in QUANTILES_SHOWN if np.isclose(table["tau"], tau).any()]
            if taus:
                maps = [layer_map_data(table, name, statistic="M_tau", tau=tau) for tau in taus]
                titles = [f"{metric_title(name)}: effect on the {tau:.0%} quantile" for tau in taus]
                figure = draw_layer_maps(
                    maps, title=f"Quantile responses $M_\\tau$: {title}", caption=caption, titles=titles
                )
                files += save_figure(figure, target / f"quantile_responses-{_slug(name)}")
    return files
