"""Progress on stderr: how much, how fast, how long still. Silent where stderr is no terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Advance", "show_progress", "silent"]

Advance = Callable[[int], None]


def silent(_amount: int) -> None:
    """Report nothing."""


@contextmanager
def show_progress(title: str, total: int, *, unit: str = "archs") -> Iterator[Advance]:
    """Show a bar with count, rate and time left while the block runs.

    Yields
    ------
    A function to call with every amount that is done.
    """
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total, rate="")

        def advance(amount: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=amount, rate=f"{speed:,.0f}/s" if speed else "")

        yield advance
