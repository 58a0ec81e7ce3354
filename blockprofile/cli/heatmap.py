"""`blockprofile heatmap`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, tell
from blockprofile.command import command_line
from blockprofile.errors import OptionError
from blockprofile.metric import LATENCY, parse_metric


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("heatmap")(heatmap)


def heatmap(
    run: Path = typer.Argument(..., help="A folder with profile.parquet."),
    metric: list[str] | None = typer.Option(None, "--metric", help="Draw this metric alone; repeatable."),
    kind: list[str] | None = typer.Option(
        None,
        "--kind",
        help="Draw this kind alone; repeatable: blocks, layers, quantiles, depths, factors, distributions, "
        "sensitivities. "
        "Left out: all but sensitivities.",
    ),
    mark: list[str] | None = typer.Option(
        None, "--mark", help="A network or arch that distributions mark; repeatable. Left out: the space's networks."
    ),
    out: Path | None = typer.Option(None, "--out", help="The folder for the figures; left out: RUN/figures."),
    json: bool = JSON_OPTION,
) -> None:
    """Draw the figures of a profile as PNG and SVG: responses of blocks, layers, depths, factors; distributions.

    Examples
    --------
    blockprofile heatmap runs/moga --kind blocks --kind layers
    """
    from blockprofile.plot import heatmap as draw

    files = draw(run, metrics=metric, kinds=kind, marks=mark, out=out)
    if json:
        print_json({"files": files})
        return
    for file in files:
        tell(str(file))
    note(f"{len(files)} files; next: {_following(run)}")


def _following(run: Path) -> str:
    """Suggest a pruning where the profile has accuracy and a cost, else the page."""
    from blockprofile.profile import Profile
    from blockprofile.prune import directions_of, find_costs, find_gain

    metrics = directions_of(Profile.read(run).config["predictors"])
    devices = [about.device for about in map(parse_metric, metrics) if about.column == LATENCY]
    several = devices if len(devices) > 1 else []
    try:
        find_gain(metrics, None)
        find_costs(metrics, several, None)
    except OptionError:
        return command_line("report", [run if run.is_dir() else run.parent])
    return command_line("prune", [run], device=several, out="pruned.yaml")
