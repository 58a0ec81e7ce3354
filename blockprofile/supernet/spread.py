"""Archs that are trained or judged at once, each in a process with torch and threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from blockprofile.errors import OptionError
from blockprofile.run import Execution, check_workers, run_tasks

Result = TypeVar("Result")


def count_workers(workers: int | str, *, accelerator: str, threads: int) -> int:
    """Return how many processes work; ``auto`` leaves each so many threads of the cores that may be used.

    Raises
    ------
    OptionError
        If it is no number of workers, or several are to share a CUDA device.

    Examples
    --------
    >>> count_workers("auto", accelerator="cuda", threads=1)
    1
    """
    found = check_workers(workers)
    if accelerator != "cpu":
        if workers not in {"auto", 1, "1"}:
            raise OptionError(f"--workers {workers} is of the CPU; with --accelerator {accelerator} one process works")
        return 1
    return max(1, found // threads) if str(workers) in {"auto", "-1"} else found


def spread(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]], *, workers: int) -> Iterator[Result]:
    """Call a function of a module on every task, and yield what it returns in the order of the tasks.

    Processes start anew: torch's random state is one for a whole process, and its threads do not survive a fork.
    """
    yield from run_tasks(function, tasks, Execution(workers=workers, backend="loky"))
