"""`figures`: all pictures of a comparison, written as PNG and SVG into its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from blockprofile.compare import Comparison, best_arch, load_comparison
from blockprofile.plot.arch_diagram import diagram_data, draw_diagram
from blockprofile.plot.choices import choices_data, draw_choices, largest_share
from blockprofile.plot.convergence import convergence_data, draw_convergence
from blockprofile.plot.fronts import difference_data, draw_difference, draw_fronts, fronts_data
from blockprofile.plot.style import add_caption, figure_style, metric_title, save_figure, unit_symbol
from blockprofile.predict import caption_of

FIGURES = "figures"


def comparison_caption(comparison: Comparison) -> list[str]:
    """Say what was compared and where the metrics come from."""
    problem = comparison.problem
    told = [
        f"{metric_title(predictor.metric)}: {caption_of(predictor, problem.space)}" for predictor in problem.predictors
    ]
    reference = _words(dict(zip(problem.names, map(float, comparison.reference), strict=True)), comparison, 5)
    seeds = f"{len(comparison.seeds)} seeds of {comparison.budget:,} evaluations each"
    return [f"{seeds}; reference point {reference}.", f"Provenance: {'; '.join(told)}."]


def _words(values: Mapping[str, float], comparison: Comparison, digits: int) -> str:
    """Write metrics for people: 'top-1 accuracy 77.5 %, latency on note10 29.2 ms'."""
    units = {predictor.metric: unit_symbol(predictor.unit) for predictor in comparison.problem.predictors}
    return ", ".join(
        f"{metric_title(name)} {value:.{digits}g} {units.get(name, '')}".rstrip() for name, value in values.items()
    )


def comparison_figures(
    run: str | Path, *, published: Sequence[str] | None = None, out: str | Path | None = None
) -> list[Path]:
    """Draw fronts, convergence, attainment differences and chosen archs of a comparison.

    Parameters
    ----------
    published
        The published networks to mark; None is all whose figures are printed for the device.
    out
        The folder for the figures; None is ``figures`` inside the comparison's.

    Returns
    -------
    The files: PNG and SVG of each figure.

    Raises
    ------
    UserError, DataError
        As `blockprofile.compare.load_comparison`.
    """
    import matplotlib.pyplot as plt

    comparison = load_comparison(run)
    target = Path(run) / FIGURES if out is None else Path(out)
    caption = comparison_caption(comparison)
    title = f"Searching {comparison.cases[0].space.name}"
    files: list[Path] = []
    with figure_style():
        figure, ax = plt.subplots(figsize=(6.4, 4.6))
        draw_convergence(convergence_data(comparison), ax, unit=comparison.problem.hypervolume_unit)
        ax.set_title(f"{title}: hypervolume, mean and 95 % interval")
        add_caption(figure, caption)
        files += save_figure(figure, target / "hypervolume")
        fronts = fronts_data(comparison, published=published)
        if fronts is None:
            return files
        figure, ax = plt.subplots(figsize=(6.4, 5.0))
        draw_fronts(fronts, ax)
        ax.set_title(f"{title}: median front, and the band of all seeds")
        add_caption(figure, caption)
        files += save_figure(figure, target / "fronts")
        for place, case in enumerate(comparison.cases[1:], start=1):
            difference = difference_data(comparison, place)
            assert difference is not None
            figure, ax = plt.subplots(figsize=(6.4, 5.0))
            draw_difference(difference, ax, labels=fronts.labels, title=f"{case.name} against the original", case=place)
            add_caption(figure, caption)
            files += save_figure(figure, target / f"attainment-{case.slug}")
        files += _arch_figures(comparison, target, caption)
    return files


def _arch_figures(comparison: Comparison, target: Path, caption: list[str]) -> list[Path]:
    """Draw the blocks of every case's front, and the arch with the best gain within the middle cost limit."""
    import matplotlib.pyplot as plt

    assert comparison.gain_and_cost is not None
    gain, cost = comparison.gain_and_cost
    limit = comparison.cost_limits[len(comparison.cost_limits) // 2]
    space, n_cases = comparison.cases[0].space, len(comparison.cases)
    rows = 0.9 + 0.17 * (space.n_blocks + 4)
    lines, line_axes = plt.subplots(n_cases, 1, figsize=(9.0, 0.9 + rows * n_cases), squeeze=False)
    boxes, box_axes = plt.subplots(n_cases, 1, figsize=(9.0, 0.6 + 1.5 * n_cases), squeeze=False)
    maps = [
        choices_data(case.space, [run.front.archs for run in runs])
        for case, runs in zip(comparison.cases, comparison.runs, strict=True)
    ]
    for place, (case, runs, data) in enumerate(zip(comparison.cases, comparison.runs, maps, strict=True)):
        told = f"{case.name}: {data.n_archs:,} archs of {data.n_fronts} fronts"
        draw_choices(data, line_axes[place, 0], limit=largest_share(maps), title=told)
        best = best_arch(runs, gain=gain, cost=cost, limit=limit)
        box_axes[place, 0].set_axis_off()
        if best is not None:
            told = _words({name: float(values[0]) for name, values in best.metrics.items()}, comparison, 4)
            draw_diagram(diagram_data(space, best.archs[0]), box_axes[place, 0], title=f"{case.name}: {told}")
    told = "Of the archs of a front that have a layer, the share with each block; any: of all, the share that have it."
    add_caption(lines, [f"{told} Every front counts alike; pale grey: left out of a space, or in no arch.", *caption])
    add_caption(boxes, [f"Best of all seeds within {limit:g} {comparison.units[cost]}; black rims: SE.", *caption])
    return save_figure(lines, target / "blocks_of_fronts") + save_figure(boxes, target / "best_archs")
