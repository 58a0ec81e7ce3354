"""`blockprofile heatmap`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, tell

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("heatmap")(heatmap)


def heatmap(
    run: Path = typer.Argument(..., help="A folder with profile.parquet."),
    metric: list[str] | None = typer.Option(None, "--metric", help="Draw this metric alone; repeatable."),
    kind: list[str] | None = typer.Option(
        None,
        "--kind",
        help="Draw this kind alone; repeatable: blocks, layers, quantiles, depths, distributions, sensitivities. "
        "Left out: all but sensitivities.",
    ),
    out: Path | None = typer.Option(None, "--out", help="The folder for the figures; left out: RUN/figures."),
    json: bool = JSON_OPTION,
) -> None:
    """Draw the figures of a profile as PNG and SVG: responses of blocks, layers, depths; distributions."""
    from blockprofile.plot.heatmap import heatmap as draw

    files = draw(run, metrics=metric, kinds=kind, out=out)
    if json:
        print_json({"files": files})
        return
    for file in files:
        tell(str(file))
    note(f"{len(files)} files; next: blockprofile prune {run} --out pruned.yaml")
