"""Parallel work through joblib: results come in the order of the tasks, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from blockprofile.errors import OptionError, one_of

__all__ = ["BACKENDS", "check_backend", "check_workers", "run_tasks"]

BACKENDS: tuple[str, ...] = ("loky", "threading", "dask")

Result = TypeVar("Result")


def check_workers(workers: int) -> int:
    """Return the number of workers; -1 stands for every core.

    Raises
    ------
    OptionError
        If it is 0 or below -1.
    """
    import os

    if workers == -1:
        return os.cpu_count() or 1
    if workers < 1:
        raise OptionError(f"--workers is {workers}; it must be at least 1, or -1 for every core")
    return workers


def check_backend(backend: str, workers: int, scheduler: str | None = None) -> None:
    """Check a backend's name, a number of workers and a scheduler, before any work.

    Raises
    ------
    OptionError
        If one of them is not allowed, or has no effect beside the others.
    """
    if backend not in BACKENDS:
        raise OptionError(f"--backend {backend!r} is unknown; {one_of(backend, BACKENDS)}")
    check_workers(workers)
    if scheduler is not None and backend != "dask":
        raise OptionError(f"--scheduler {scheduler!r} has no effect with --backend {backend}; add --backend dask")
    if backend == "dask" and workers != 1:
        raise OptionError(f"--workers {workers} has no effect with --backend dask: the cluster's workers do the work")


def run_tasks(
    function: Callable[..., Result],
    tasks: Iterable[tuple[Any, ...]],
    *,
    workers: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
) -> Iterator[Result]:
    """Call ``function`` on every task and yield the results in the order of the tasks.

    Parameters
    ----------
    function
        A function of a module (it travels to the workers).
    tasks
        Argument tuples.
    workers
        Processes; 1 works in this one. Without meaning for ``dask``.
    backend
        One of `BACKENDS`.
    scheduler
        For ``dask``: the scheduler's address, such as ``tcp://10.0.0.5:8786``.

    Raises
    ------
    OptionError
        If the backend is unknown, or ``dask`` is not installed or has no scheduler.
    """
    check_backend(backend, workers, scheduler)
    if backend == "dask":
        from blockprofile.run.cluster import run_on_cluster

        yield from run_on_cluster(function, tasks, scheduler=scheduler)
        return
    n_workers = check_workers(workers)
    if n_workers == 1:
        for task in tasks:
            yield function(*task)
        return
    from joblib import Parallel, delayed

    pool = Parallel(n_jobs=n_workers, backend=backend, return_as="generator", pre_dispatch="2*n_jobs")
    yield from pool(delayed(function)(*task) for task in tasks)
