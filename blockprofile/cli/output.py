"""What commands print: tables for people, JSON for machines, both on stdout; progress and notes on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import typer

__all__ = ["JSON_OPTION", "note", "print_json", "print_table"]

JSON_OPTION = typer.Option(False, "--json", help="Print the result as JSON, for machines.")


def print_json(data: object) -> None:
    """Print JSON on stdout; numpy scalars and paths are converted."""
    typer.echo(json.dumps(data, default=_convert, indent=2, ensure_ascii=False))


def _convert(value: object) -> object:
    if hasattr(value, "tolist"):
        return value.tolist()
    return str(value)


def note(message: str) -> None:
    """Print a remark on stderr."""
    typer.echo(message, err=True)


def print_table(rows: Sequence[Mapping[str, Any]], *, title: str = "", wrap: Sequence[str] = ()) -> None:
    """Print rows as a table on stdout; numbers are aligned right. Columns named in ``wrap`` may break lines."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False)
    columns = list(rows[0]) if rows else []
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float) or row.get(name) in {None, ""} for row in rows)
        table.add_column(
            escape(name), justify="right" if numeric else "left", no_wrap=name not in wrap, overflow="fold"
        )
    for row in rows:
        table.add_row(*(escape(_word(row.get(name))) for name in columns))
    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=160)
    if title:
        console.print(escape(title), style="italic", soft_wrap=True)
    console.print(table)


def _word(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) and abs(value) >= 10_000 else str(value)
