"""`blockprofile report`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    run: Path = typer.Argument(..., help="The folder of a profiled run, a search, or a comparison."),
    out: Path | None = typer.Option(None, "--out", help="The HTML file; left out: RUN/report.html."),
    json: bool = JSON_OPTION,
) -> None:
    """Write one HTML file that tells what a run found; it opens from disk and loads nothing."""
    from blockprofile.report import report as write

    path = write(run, out=out)
    if json:
        print_json({"file": path, "bytes": path.stat().st_size})
        return
    typer.echo(str(path))
    note(f"{path.stat().st_size / 2**10:,.0f} KiB; open it in any browser")
