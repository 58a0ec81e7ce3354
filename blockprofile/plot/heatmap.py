"""`heatmap`: the figures of a profiled run, written as PNG and SVG into the run's folder.

Which kinds there are is said in `KINDS`; each kind's data and drawing are in a module of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from blockprofile.errors import DataError, OptionError, UnknownNameError, UserError, check_choice, one_of
from blockprofile.plot.block_grid import block_grid_data, draw_block_grids
from blockprofile.plot.depth import depth_data, draw_depths
from blockprofile.plot.factors import draw_factor_panels, factor_data, pair_data
from blockprofile.plot.layer_map import draw_layer_maps, layer_map_data
from blockprofile.plot.style import figure_style, metric_label, metric_title, save_figure
from blockprofile.profile import Profile, archs_words, holding_words
from blockprofile.run import kept_predictors, shard_paths
from blockprofile.space import Space

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blockprofile.predict import Evaluator

FIGURES = "figures"
QUANTILES_SHOWN = (0.05, 0.95)


@dataclass(frozen=True, slots=True)
class _Run:
    """What the figures of a run are made from."""

    folder: Path
    profile: Profile
    space: Space
    metrics: tuple[str, ...]
    marks: tuple[str, ...] | None = None

    @property
    def n(self) -> int:
        return self.profile.n

    @property
    def title(self) -> str:
        return self.space.name if self.space.is_pruned else self.space.definition.title

    def caption(self, metrics: Sequence[str]) -> list[str]:
        return provenance_lines(self.profile.about, metrics, self.n)


Figures = Iterator[tuple[str, "Figure"]]


def _blocks(run: _Run) -> Figures:
    grids = {name: block_grid_data(run.profile, run.space, name) for name in run.metrics}
    title = f"Block responses $M_b$: {run.title}"
    yield "block_responses", draw_block_grids(grids, title=title, caption=run.caption(run.metrics))


def _layers(run: _Run) -> Figures:
    for name in run.metrics:
        maps = [layer_map_data(run.profile, name)]
        title = f"Layer responses $M_{{u,l,b}}$: {run.title}"
        yield f"layer_responses-{_slug(name)}", draw_layer_maps(maps, title=title, caption=run.caption([name]))


def _quantiles(run: _Run) -> Figures:
    taus = [tau for tau in QUANTILES_SHOWN if np.isclose(run.profile.table["tau"], tau).any()]
    for name in run.metrics if taus else ():
        maps = [layer_map_data(run.profile, name, statistic="M_tau", tau=tau) for tau in taus]
        titles = [
            f"{metric_label(name, each.unit)}: effect on the {tau:.0%} quantile"
            for tau, each in zip(taus, maps, strict=True)
        ]
        title = f"Quantile responses $M_\\tau$: {run.title}"
        figure = draw_layer_maps(maps, title=title, caption=run.caption([name]), titles=titles)
        yield f"quantile_responses-{_slug(name)}", figure


def _depths(run: _Run) -> Figures:
    panels = [data for name in run.metrics if (data := depth_data(run.profile, name)) is not None]
    if panels:
        title = f"Depth responses $M_d$: {run.title}"
        yield "depth_responses", draw_depths(panels, title=title, caption=run.caption(run.metrics))


def _factors(run: _Run) -> Figures:
    for name in run.metrics:
        parts = factor_data(run.profile, name)
        if parts:
            title = f"Responses of factors: {run.title}"
            pairs = pair_data(run.profile, name)
            figure = draw_factor_panels(parts, pairs, title=title, caption=run.caption([name]))
            yield f"factor_responses-{_slug(name)}", figure


def _distributions(run: _Run) -> Figures:
    from blockprofile.plot.distribution import distribution_data, draw_distributions, mark_networks, read_metrics

    try:
        predicted, left_out = mark_networks(run.space, _load_evaluator(run), run.marks), ""
    except (UserError, DataError) as failure:
        if run.marks is not None:
            raise
        predicted, left_out = {}, f" Published networks are left out: {failure}."
    panels = [
        distribution_data(
            read_metrics(run.folder, [name])[name],
            metric=name,
            unit=run.profile.unit(name),
            predicted=predicted.get(name),
            resolution=run.profile.config["space"]["resolution"],
        )
        for name in run.metrics
    ]
    told = "Solid and dotted: the median, the 5 and the 95 % quantile."
    if any(panel.marks for panel in panels):
        told += " Lines: what the predictor gives for a published network; triangles: what is printed for it."
    caption = [
        f"{pool_words(run.profile.about, panels[0].n)}. {told}{left_out}",
        provenance_line(run.profile.about, run.metrics),
    ]
    yield "distributions", draw_distributions(panels, title=f"Distributions: {run.title}", caption=caption)


def _sensitivities(run: _Run) -> Figures:
    from blockprofile.plot.sensitivity import draw_sensitivities, sensitivity_data
    from blockprofile.sensitivity import find_sensitivities

    config = run.profile.about["config"]
    if config.get("limit"):
        raise OptionError(f"the run is within {config['limit']}; sensitivities are of the whole space")
    predictors = [each for each in _load_evaluator(run).predictors if each.metric in run.metrics]
    found = find_sensitivities(run.space, predictors, seed=config["seed"], law=config["law"])
    told = "Light: the block of a layer, given the depth (d) of its unit; dark: the unit's depth or width (w)."
    n = max(each.n for each in found)
    sampled = f" Sampled metrics: {n:,} archs, with 95 % intervals; the others are exact." if n else ""
    figure = draw_sensitivities(
        [sensitivity_data(each) for each in found], title=f"What the variance comes from: {run.title}",
        caption=[told + sampled, provenance_line(run.profile.about, run.metrics)],
    )  # fmt: skip
    yield "sensitivities", figure


def _load_evaluator(run: _Run) -> Evaluator:
    from blockprofile.predict import Evaluator

    return Evaluator(run.space, kept_predictors(run.profile.about["config"], run.space))


KINDS: Mapping[str, Callable[[_Run], Figures]] = {
    "blocks": _blocks,
    "layers": _layers,
    "quantiles": _quantiles,
    "depths": _depths,
    "factors": _factors,
    "distributions": _distributions,
    "sensitivities": _sensitivities,
}
"""Kinds of figures; each function yields name and figure."""


def select_kinds(kinds: Sequence[str] | None, folder: Path) -> tuple[str, ...]:
    """Return the wanted kinds; left out: all but sensitivities, distributions only where the run kept its archs.

    Raises
    ------
    OptionError
        If there is no such kind.
    """
    for kind in kinds or ():
        check_choice("--kind", kind, KINDS)
    if kinds:
        return tuple(dict.fromkeys(kinds))
    left_out = {"sensitivities"} if shard_paths(folder) else {"sensitivities", "distributions"}
    return tuple(kind for kind in KINDS if kind not in left_out)


def provenance_line(about: Mapping[str, Any], metrics: Sequence[str]) -> str:
    """Say each metric's provenance and error."""
    predictors = about["config"]["predictors"]
    told = [f"{metric_title(name)}: {predictors[name]['caption']}" for name in metrics]
    return f"Provenance: {'; '.join(told)}."


def provenance_lines(about: Mapping[str, Any], metrics: Sequence[str], n: int) -> list[str]:
    """Say where the figures come from: space, archs, presence, and each metric's provenance and error."""
    return [
        f"{pool_words(about, n)}; presence '{about['presence']}'; ± are 95 % intervals; what is below noise or the "
        "predictor's own error is faint, hollow or in parentheses.",
        f"{provenance_line(about, metrics)} {holding_words(about['config']['predictors'], metrics)}".strip(),
    ]


def pool_words(about: Mapping[str, Any], n: int) -> str:
    """Say which archs the figures are of."""
    config = about["config"]
    space = config["space"]
    pixels = "" if space["resolution"] is None else f" at {space['resolution']} pixels"
    return f"Space {space['name']}{pixels}, {archs_words(config, n)}"


def _slug(metric: str) -> str:
    return re.sub(r"[^\w-]+", "-", metric)


def select_metrics(profile: Profile, metrics: Sequence[str] | None) -> list[str]:
    """Return the wanted metrics of a profile, or all of them.

    Raises
    ------
    UnknownNameError
        If the profile has no such metric.
    """
    known = profile.metrics
    for metric in metrics or ():
        if metric not in known:
            raise UnknownNameError(f"the profile has no metric {metric!r}; {one_of(metric, known)}")
    return list(metrics) if metrics else known


def profile_figures(profile: Profile, kind: str, metric: str | None = None) -> Iterator[Figure]:
    """Draw one kind of figure of a profile, of one metric or of all, figure by figure.

    Raises
    ------
    UnknownNameError
        If the profile has no such metric.
    """
    chosen = select_metrics(profile, None if metric is None else [metric])
    run = _Run(profile.path.parent, profile, profile.space, tuple(chosen))
    return (figure for _, figure in KINDS[kind](run))


def heatmap(
    run: str | Path,
    *,
    metrics: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    marks: Sequence[str] | None = None,
    out: str | Path | None = None,
) -> list[Path]:
    """Draw the figures of a profile.

    Parameters
    ----------
    run
        A folder with ``profile.parquet``.
    metrics
        Which metrics; None is all.
    kinds
        Which of `KINDS`; None is all but sensitivities, and distributions only where the run kept its archs.
    marks
        Networks of the space, or archs in any form, that distributions mark; None is all networks of the space.
    out
        The folder for the figures; None is ``figures`` inside the profile's.

    Returns
    -------
    The files: PNG and SVG of each figure.

    Raises
    ------
    UserError, DataError
        If there is no profile, no such metric or kind, or a kind needs what the run has not.
    """
    profile = Profile.read(run)
    home = Path(run) if Path(run).is_dir() else Path(run).parent
    wanted = select_kinds(kinds, home)
    if marks is not None and "distributions" not in wanted:
        raise OptionError("--mark is for distributions, which are not drawn here: they need a run of `sample`")
    made = _Run(
        home, profile, profile.space, tuple(select_metrics(profile, metrics)),
        None if marks is None else tuple(marks),
    )  # fmt: skip
    target = home / FIGURES if out is None else Path(out)
    files: list[Path] = []
    used: Counter[str] = Counter()
    with figure_style():
        for kind in wanted:
            before = len(files)
            for name, figure in KINDS[kind](made):
                used[name] += 1  # two metrics may come to one name
                files += save_figure(figure, target / (name if used[name] == 1 else f"{name}-{used[name]}"))
            if kinds and len(files) == before:
                raise OptionError(f"--kind {kind}: the profile has nothing of that kind for {', '.join(made.metrics)}")
    return files
