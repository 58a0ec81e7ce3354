"""`blockprofile pick`."""

from __future__ import annotations

from pathlib import Path

import typer

from blockprofile.cli.output import JSON_OPTION, note, print_json

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("pick")(pick)


def pick(
    folder: Path = typer.Argument(..., help="The run folder of a search.", metavar="RUN"),
    knee: bool = typer.Option(False, "--knee", help="The knee of the front."),
    limit: list[str] = typer.Option([], "--limit", help="METRIC<=VALUE or METRIC>=VALUE; repeatable."),
    top: int | None = typer.Option(None, "--top", help="So many of the best in the first objective."),
    by: str | None = typer.Option(None, "--by", help="The objective that --top and --limit go by."),
    json: bool = JSON_OPTION,
) -> None:
    """Pick archs from a search: the knee of the front, the best within a limit, or the top few."""
    from blockprofile.cli.search import print_archs, provenances, rows_of
    from blockprofile.search import load_search, parse_constraint
    from blockprofile.search.pick import pick as choose

    result = load_search(folder)
    limits = [parse_constraint(text) for text in limit]
    rows = rows_of(choose(result, knee=knee, limits=limits, top=top, goal=by), result)
    if json:
        print_json(rows)
        return
    print_archs(rows)
    for metric, caption in provenances(result).items():
        note(f"{metric}: {caption}")
