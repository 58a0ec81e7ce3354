"""`blockprofile report`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json, tell


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report")(report)


def report(
    run: Path = typer.Argument(..., help="The folder of a profiled run, a search, or a comparison."),
    out: Path | None = typer.Option(None, "--out", help="The HTML file; left out: RUN/report.html."),
    metric: list[str] | None = typer.Option(
        None, "--metric", "--metrics", help="Of a profile, this metric alone; repeatable."
    ),
    json: bool = JSON_OPTION,
) -> None:
    """Write one HTML file that tells what a run found; it opens from disk and loads nothing.

    What would make it larger than 5 MiB is left out, and where it stands is said.

    Examples
    --------
    blockprofile report runs/compare
    """
    from blockprofile.report import report as write

    path = write(run, metrics=metric, out=out)
    if json:
        print_json({"file": path, "bytes": path.stat().st_size})
        return
    tell(str(path))
    note(f"{path.stat().st_size / 2**10:,.0f} KiB; open it in any browser")
