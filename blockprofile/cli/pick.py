"""`blockprofile pick`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pick")(pick)


def pick(
    folder: Path = typer.Argument(..., help="The run folder of a search.", metavar="RUN"),
    knee: bool = typer.Option(False, "--knee", help="The knee of the front."),
    limit: list[str] = typer.Option([], "--limit", help="METRIC<=VALUE or METRIC>=VALUE; repeatable."),
    top: int | None = typer.Option(None, "--top", help="So many of the best in the first objective."),
    by: str | None = typer.Option(None, "--by", help="The objective that --top and --limit go by."),
    export: Path | None = typer.Option(
        None,
        "--export",
        help="Write the archs there, as `supernet export` does.",
    ),
    supernet: Path | None = typer.Option(None, "--supernet", help="With --export: the supernet of their weights."),
    json: bool = JSON_OPTION,
) -> None:
    """Pick archs from a search: the knee of the front, the best within a limit, or the top few.

    Examples
    --------
    blockprofile pick runs/search --knee
    blockprofile pick runs/search --limit "latency_ms:note10<=30"
    """
    from blockprofile.cli.search import print_archs, provenances, rows_of
    from blockprofile.cli.supernet import export_archs
    from blockprofile.errors import OptionError
    from blockprofile.run import parse_limit
    from blockprofile.search import load_search
    from blockprofile.search import pick as choose

    if supernet is not None and export is None:
        raise OptionError("--supernet has no effect without --export; leave it out")
    result = load_search(folder)
    limits = [parse_limit(text) for text in limit]
    chosen = choose(result, knee=knee, limits=limits, top=top, goal=by)
    rows = rows_of(chosen, result)
    if export is not None:
        written = export_archs(result.problem.space, list(chosen.archs), export, supernet=supernet, onnx=True)
        rows = [{**row, "folder": each["folder"]} for row, each in zip(rows, written, strict=True)]
    if json:
        print_json(rows)
        return
    print_archs(rows)
    if export is not None:
        note(f"wrote {export}")
    for metric, caption in provenances(result).items():
        note(f"{metric}: {caption}")
