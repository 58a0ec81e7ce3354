"""Progress on stderr: how much, how fast, how long still. Silent where stderr is no terminal, or is to be quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from blockprofile.loudness import LOG, is_quiet, is_verbose

Advance = Callable[[int], None]


def silent(_amount: int) -> None:
    """Report nothing."""


@contextmanager
def show_progress(title: str, total: int, *, unit: str = "archs", alone: bool = False) -> Iterator[Advance]:
    """Show a bar with count, rate and time left while the block runs; where stages are logged, its begin and end.

    Parameters
    ----------
    total
        How much there is to do, in ``unit``.
    alone
        Draw the bar only when something is done, and by no thread beside: for what is being timed.

    Yields
    ------
    A function to call with every amount that is done.
    """
    start = time.monotonic()
    LOG.info("%s: %s %s", title, f"{total:,}", unit)
    if not sys.stderr.isatty() or is_quiet() or is_verbose():
        yield silent
    else:
        with _bar(title, total, unit, alone=alone) as advance:
            yield advance
    LOG.info("%s: done in %.2f s", title, time.monotonic() - start)


@contextmanager
def _bar(title: str, total: int, unit: str, *, alone: bool) -> Iterator[Advance]:
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
    with Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=not alone) as progress:
        task = progress.add_task(title, total=total, rate="")

        def advance(amount: int) -> None:
            speed = progress.tasks[0].speed
            progress.update(task, advance=amount, rate=f"{speed:,.0f}/s" if speed else "", refresh=alone)

        yield advance
